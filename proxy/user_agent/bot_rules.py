"""Our rules about bots: kinds that the lists do not name, and corrections of the lists.

A correction replaces a pattern of a list that also matches people's software.
"""

from proxy.user_agent.bot_kind import BotKind
from proxy.user_agent.rules import Rule

# Fetch a page because a person asked for it.
_ASSISTANTS = (
    r"ChatGPT-User|ChatGPT Agent|Claude-User|Perplexity-?User|MistralAI-User"
    r"|Gemini-Deep-Research|Google-NotebookLM|Google-GeminiNotebook|Google-Agent"
    r"|GoogleAgent-Mariner|Google-Gemini-CLI|Google-Pinpoint|Google-Read-Aloud"
    r"|DuckAssistBot|Amzn-User|AmazonBuyForMe|(?i:meta-externalfetcher)"
    r"|(?i:manus-user)|kagi-fetcher|IsonAI-User|Devin\b|TwinAgent|cohere-ai\b"
    r"|(?i:^claude-code/)|opencode-smartfetch|Poggio-Citations|Cloudflare-AutoRAG"
)
_OTHER_AI_CRAWLERS = (
    r"(?i:ai2bot|diffbot|omgili|webzio-extended|cohere-training|img2dataset"
    r"|laion|youbot|andibot|exasearchbot|imagesiftbot|timpibot|pangubot"
    r"|velenpublicwebcrawler|icc-crawler|cotoyogi)"
)

# Tried before the lists: pattern, kind.
OWN_RULES: tuple[Rule, ...] = (
    (_ASSISTANTS, BotKind.AI_ASSISTANT),
    (r"GPTBot|OAI-SearchBot|OAI-AdsBot|(?i:^openai/)", BotKind.AI_CRAWLER_OPENAI),
    (
        r"(?i:claudebot|claude-web|claude-searchbot|anthropic-ai)",
        BotKind.AI_CRAWLER_ANTHROPIC,
    ),
    (
        r"Google-Extended|GoogleOther|Google-CloudVertexBot",
        BotKind.AI_CRAWLER_GOOGLE,
    ),
    (
        r"(?i:meta-externalagent|meta-webindexer)|FacebookBot",
        BotKind.AI_CRAWLER_META,
    ),
    (
        r"Amazonbot|Amzn-SearchBot|bedrockbot|amazon-kendra|KendraBot",
        BotKind.AI_CRAWLER_AMAZON,
    ),
    (r"Applebot-Extended", BotKind.AI_CRAWLER_APPLE),
    (r"Bytespider|TikTokSpider", BotKind.AI_CRAWLER_BYTEDANCE),
    (r"CCBot", BotKind.AI_CRAWLER_COMMONCRAWL),
    (r"AzureAI-SearchBot", BotKind.AI_CRAWLER_MICROSOFT),
    (r"PerplexityBot", BotKind.AI_CRAWLER_PERPLEXITY),
    (_OTHER_AI_CRAWLERS, BotKind.AI_CRAWLER_OTHER),
    (r"Applebot", BotKind.SEARCH_ENGINE),
    # Libraries that the lists know only by a general word, or not at all.
    (r"^Dart/|\(dart:io\)|^Java/|^Deno/|^Bun/|^ureq/|^reqwest/", BotKind.LIBRARY),
)

# The kind of each tag of crawler-user-agents; the first one that an entry has counts.
KINDS_OF_TAGS = {
    "ai-crawler": BotKind.AI_CRAWLER_OTHER,
    "search-engine": BotKind.SEARCH_ENGINE,
    "monitoring": BotKind.MONITOR,
    "scanner": BotKind.SCANNER,
    "social-preview": BotKind.PREVIEW,
    "feed-reader": BotKind.FEED_READER,
    "archiver": BotKind.ARCHIVER,
    "academic": BotKind.RESEARCH,
    "http-library": BotKind.LIBRARY,
    "browser-automation": BotKind.HEADLESS,
    "advertising": BotKind.ADVERTISING,
    "seo": BotKind.SEO,
}

# The kinds of the general words in is-bot; a word that is not here is OTHER.
KINDS_OF_WORDS = {
    **dict.fromkeys(
        (
            *(r"^python", r"^php", r"\bperl\b", r"java(?!;)", r"node\b", r"^wget"),
            *(r"^postman", r"^apache/", r"^rest", r"^jetty/", r"^client/", r"rexx;"),
        ),
        BotKind.LIBRARY,
    ),
    **dict.fromkeys(
        (
            *(r"headless", r"phantomjs", r"playwright", r"selenium", r"cypress/"),
            *(r"webkit2png", r"splash", r"functionize", r"testlocally"),
        ),
        BotKind.HEADLESS,
    ),
    **dict.fromkeys(
        (
            *(r"monitor\b", r"pingdom", r"statuscake", r"24x7", r"speedcurve"),
            *(r"ptst[ /]\d", r"^blackbox exporter", r"check\b", r"checker"),
            *(r"synthetic", r"dareboost", r"catch", r"iplabel", r"neustar wpm"),
            *(r"pagespeed", r"chrome-lighthouse", r"dejaclick", r"rigor", r"measure"),
        ),
        BotKind.MONITOR,
    ),
    **dict.fromkeys(
        (r"^whatsapp", r"^facebook", r"^snapchat", r"preview", r"^discourse"),
        BotKind.PREVIEW,
    ),
    **dict.fromkeys(
        (
            *(r"feed", r"rss\b", r"^rss", r"(?:^|[^g])news(?!sapphire)", r"^read"),
            *(r"^reed", r"^downcast/", r"upday/", r"readable/"),
        ),
        BotKind.FEED_READER,
    ),
    **dict.fromkeys(
        (r"archive", r"httrack", r"^webcopier", r"^offline"), BotKind.ARCHIVER
    ),
    **dict.fromkeys(
        (
            *(r"(?<!cam)scan", r"openvas", r"abuse", r"watchtowr", r"audit"),
            *(r"burpcollaborator", r"securityheaders", r"hardenize\b", r"infrawatch"),
        ),
        BotKind.SCANNER,
    ),
    **dict.fromkeys(
        (r"^\w*search\b", r"ask jeeves/teoma", r"^yandex", r"^yahoo", r"sogou"),
        BotKind.SEARCH_ENGINE,
    ),
}

# Patterns of crawler-user-agents that also match people, and what replaces them.
CORRECTED_CRAWLERS: dict[str, str | None] = {
    # A build of Android 15 that many phones have.
    r"AP3A\.240617\.008": None,
    r"008\/": r"(?:^|[^\w.])008/",
    r"Blackboard": r"Blackboard Safeassign",
    r"Butterfly": r"\bButterfly/",
    r"Expanse": r"^Expanse\b",
    r"Fever": r"\bFever/",
    r"Sogou": r"Sogou[\w\s-]{0,40}[Ss]pider|Sogou-Test",
    r"Sonic": r"\bSonic/|RankSonic",
    r"Viber": r"^Viber",
    r"WhatsApp": r"^WhatsApp",
}
# The same for is-bot.
CORRECTED_WORDS: dict[str, str | None] = {
    r"24x7": r"\b24x7",
    r"\b\w+\.ai": r"\b\w+\.ai\b",
    r"chromeframe": None,
    r"firephp": None,
    r"sogou": r"sogou[\w\s-]{0,40}spider|sogou-test",
}
