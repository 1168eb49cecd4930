"""The closed set of kinds of bots: what is stored of a bot, never its User-Agent."""

from enum import StrEnum


class BotKind(StrEnum):
    """What a bot does, and for AI crawlers who operates it."""

    SEARCH_ENGINE = "search_engine"
    AI_CRAWLER_AMAZON = "ai_crawler_amazon"
    AI_CRAWLER_ANTHROPIC = "ai_crawler_anthropic"
    AI_CRAWLER_APPLE = "ai_crawler_apple"
    AI_CRAWLER_BYTEDANCE = "ai_crawler_bytedance"
    AI_CRAWLER_COMMONCRAWL = "ai_crawler_commoncrawl"
    AI_CRAWLER_GOOGLE = "ai_crawler_google"
    AI_CRAWLER_META = "ai_crawler_meta"
    AI_CRAWLER_MICROSOFT = "ai_crawler_microsoft"
    AI_CRAWLER_OPENAI = "ai_crawler_openai"
    AI_CRAWLER_PERPLEXITY = "ai_crawler_perplexity"
    AI_CRAWLER_OTHER = "ai_crawler_other"
    AI_ASSISTANT = "ai_assistant"
    PREVIEW = "preview"
    FEED_READER = "feed_reader"
    SEO = "seo"
    ADVERTISING = "advertising"
    MONITOR = "monitor"
    SCANNER = "scanner"
    ARCHIVER = "archiver"
    RESEARCH = "research"
    LIBRARY = "library"
    HEADLESS = "headless"
    NONE_GIVEN = "none_given"
    OTHER = "other"


# One sentence for each kind; docs/api.md shows them.
MEANINGS = {
    BotKind.SEARCH_ENGINE: "builds the index of a search engine",
    BotKind.AI_CRAWLER_AMAZON: "collects pages for AI; operated by Amazon",
    BotKind.AI_CRAWLER_ANTHROPIC: "the same, operated by Anthropic",
    BotKind.AI_CRAWLER_APPLE: "the same, operated by Apple",
    BotKind.AI_CRAWLER_BYTEDANCE: "the same, operated by ByteDance",
    BotKind.AI_CRAWLER_COMMONCRAWL: "the same, operated by Common Crawl",
    BotKind.AI_CRAWLER_GOOGLE: "the same, operated by Google",
    BotKind.AI_CRAWLER_META: "the same, operated by Meta",
    BotKind.AI_CRAWLER_MICROSOFT: "the same, operated by Microsoft",
    BotKind.AI_CRAWLER_OPENAI: "the same, operated by OpenAI",
    BotKind.AI_CRAWLER_PERPLEXITY: "the same, operated by Perplexity",
    BotKind.AI_CRAWLER_OTHER: "the same, operated by anybody else",
    BotKind.AI_ASSISTANT: "fetches one page because a person asked an AI assistant",
    BotKind.PREVIEW: "fetches a page whose link somebody shared",
    BotKind.FEED_READER: "reads feeds, podcasts or news",
    BotKind.SEO: "collects pages for search engine optimisation or market research",
    BotKind.ADVERTISING: "checks pages that show or receive advertisements",
    BotKind.MONITOR: "measures whether and how fast a page responds",
    BotKind.SCANNER: "looks for weaknesses or exposed machines",
    BotKind.ARCHIVER: "keeps copies of pages",
    BotKind.RESEARCH: "collects pages for science or teaching",
    BotKind.LIBRARY: "a program or library that names no purpose, such as curl",
    BotKind.HEADLESS: "a browser that a program controls",
    BotKind.NONE_GIVEN: "the request has no User-Agent",
    BotKind.OTHER: "any other bot",
}
