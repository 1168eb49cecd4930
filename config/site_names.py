"""The names of the sites: each site also has its former ids."""

from config.settings import Settings, SiteSettings


def sites_by_name(settings: Settings) -> dict[str, SiteSettings]:
    """Return the sites by their ids and by their former ids."""
    by_id = {site.id: site for site in settings.sites}
    return {name: by_id[new] for name, new in renames(settings).items()} | by_id


def renames(settings: Settings) -> dict[str, str]:
    """Return the present id of each former id."""
    return {name: site.id for site in settings.sites for name in site.formerly}
