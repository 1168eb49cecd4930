// The browser tag: page views, attention, scroll depth, outbound links, downloads and
// the site's own events, sent as native events. It sets no cookie, writes no storage
// and loads nothing. docs/tag.md says how to use it.
//
// proxy/tag.py serves this file without its comments and its white space. So comments
// stand on lines of their own, statements end in semicolons, and no text or pattern
// holds a space.

(() => {
  const { src, dataset } = document.currentScript;
  const { api, hash, local, site } = dataset;
  const endpoint = new URL(api || "v1/events", src);

  // Pages from a file or a developer's own machine count only where data-local asks.
  const silent =
    local == null &&
    !/^https?:..(?!(([^/]+\.)?localhost|127[\d.]+|\[::1])(:|$))/.test(
      location.origin
    );

  // The page view that events belong to. Path and query tell it from the next one.
  let url, referrer, path, query;

  // Attention not yet reported, in milliseconds; when its present stretch began, if
  // there is one; and the lowest point of the page that came into sight, in pixels.
  let engaged = 0;
  let since, deepest;

  // A beacon survives the page but tells nothing; fetch stands in where the browser
  // takes no beacon, and tries again. The body never changes, nor does the id in it:
  // the server counts a repeated event once.
  const deliver = (body, tries) => {
    const again = () => {
      if (tries < 3) setTimeout(deliver, 1000 * tries * tries, body, tries + 1);
    };
    if (tries > 1 || !navigator.sendBeacon || !navigator.sendBeacon(endpoint, body))
      fetch(endpoint, {
        method: "POST",
        body,
        keepalive: true,
        credentials: "omit",
      }).then(({ status }) => {
        if (status == 429 || status > 499) again();
      }, again);
  };

  // The objection is looked up for each event, so that it counts from the moment it is
  // made. Nothing that goes wrong in here may stop the page's own code.
  const send = (name, props, more) => {
    try {
      if (silent || /(^|;\s*)noanalytics=1(;|$)/.test(document.cookie)) return;
      deliver(
        JSON.stringify({
          site,
          name,
          // randomUUID exists on secure origins only.
          id: crypto.randomUUID
            ? crypto.randomUUID()
            : crypto.getRandomValues(new Uint32Array(4)).join("-"),
          url,
          referrer,
          lang: navigator.language,
          screen: [screen.width, screen.height],
          props,
          ...more,
        }),
        1
      );
    } catch (error) {
      console.error(error);
    }
  };

  // With data-hash the route in #/cart or #!/cart stands behind the path. Any other
  // fragment stays in the browser: it can hold secrets.
  const route = () =>
    hash == null
      ? location.pathname
      : (location.pathname + location.hash).replace(
          /\/?#!?(\/[^?]*).*|#.*/,
          "$1"
        );

  // Ends the present stretch of attention; begins the next if the page still has it.
  const attend = () => {
    const now = performance.now();
    if (since) engaged += now - since;
    since = !document.hidden && document.hasFocus() && now;
  };

  const view = () => {
    attend();
    path = route();
    query = location.search;
    referrer = url || document.referrer || undefined;
    url = location.origin + path + query;
    deepest = 0;
    send("pageview");
  };

  const measure = () => {
    deepest = Math.max(deepest, scrollY + innerHeight);
  };

  // Sends the attention since the last report, so that reports of one page add up.
  const report = () => {
    attend();
    measure();
    const engaged_ms = Math.round(engaged);
    const height = document.documentElement.scrollHeight;
    const scroll_pct = Math.min(100, Math.round((100 * deepest) / height));
    engaged = 0;
    if (engaged_ms) send("engagement", undefined, { engaged_ms, scroll_pct });
  };

  // A new path is a new page view. A new query is one only where the history grew or
  // moved, because sites replace the query while someone types or drags.
  const navigated = (moved) => {
    if (route() != path || (moved && location.search != query)) {
      report();
      view();
    }
    query = location.search;
  };

  const wrap = (name, moved) => {
    const original = history[name];
    history[name] = (...call) => {
      original.apply(history, call);
      navigated(moved);
    };
  };

  const clicked = (event) => {
    const link = event.button < 2 && event.target.closest("a[href]");
    const host = link && link.hostname;
    if (!host) return;
    const file = link.pathname.split("/").pop();
    if (
      link.hasAttribute("download") ||
      /\.(pdf|docx?|xlsx?|pptx?|od[pst]|csv|txt|epub|zip|rar|7z|gz|dmg|pkg|exe|msi|apk|deb|rpm|iso|mp[34])$/i.test(
        file
      )
    )
      send("download", { file });
    else if (host != location.hostname) send("outbound", { host });
  };

  const start = () => {
    // A page that holds the tag twice, or runs it again, is still counted once.
    const stub = window.millpond || {};
    if (stub.on) return;
    send.on = 1;
    // The answer holds a token by which the site's own server can say whose order it
    // reports.
    send.visit = () => fetch(new URL("visit", endpoint));
    window.millpond = send;

    view();
    (stub.q || []).forEach((call) => send(...call));

    wrap("pushState", true);
    wrap("replaceState");
    addEventListener("popstate", navigated);
    addEventListener("focus", attend);
    addEventListener("blur", attend);
    addEventListener("scroll", measure);
    addEventListener("click", clicked, true);
    addEventListener("auxclick", clicked, true);
    document.addEventListener("visibilitychange", () =>
      document.hidden ? report() : attend()
    );
    addEventListener("pagehide", () => {
      report();
      since = 0;
    });
    // Back from the back/forward cache: nothing was loaded, yet the page is seen again.
    addEventListener("pageshow", ({ persisted }) => {
      if (persisted) view();
    });
  };

  // A prerendered page counts when it is shown, if ever.
  if (document.prerendering)
    document.addEventListener("prerenderingchange", start, { once: true });
  else start();
})();
