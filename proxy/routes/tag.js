// The browser tag: sends pageviews, attention, scroll depth, outbound links, downloads
// and the site's own events as native events. It sets no cookie, writes no storage and
// loads nothing. docs/tag.md explains how to use it.
//
// proxy/routes/tag.py serves this file without comments and white space. Therefore
// comments are on lines of their own, statements end with semicolons, and no string or
// pattern contains a space.

(() => {
  const { src, dataset } = document.currentScript;
  const { api, hash, local, site } = dataset;
  const endpoint = new URL(api || "v1/events", src);

  // Pages from a file or a developer's own machine count only if data-local is set.
  const silent =
    local == null &&
    !/^https?:..(?!(([^/]+\.)?localhost|127[\d.]+|\[::1])(:|$))/.test(
      location.origin
    );

  // The current pageview, which events belong to. A new path or query starts a new one.
  let url, referrer, path, query;

  // Attention not yet reported, in milliseconds; when the current period of attention
  // began, if the page has it; and the lowest visible point so far, in pixels.
  let engaged = 0;
  let since, deepest;

  // sendBeacon outlives the page but reports no result. fetch replaces it if the
  // browser refuses the beacon, and retries. Retries send the same body with the same
  // id, so the server counts the event once.
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

  // The opt-out cookie is read for each event, so that an opt-out takes effect at once.
  // No error in here may stop the page's own code.
  const send = (name, props, more) => {
    try {
      if (silent || /(^|;\s*)noanalytics=1(;|$)/.test(document.cookie)) return;
      deliver(
        JSON.stringify({
          site,
          name,
          // randomUUID exists only on secure origins.
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

  // With data-hash, the route in #/cart or #!/cart is appended to the path. Any other
  // fragment stays in the browser, because it can contain secrets.
  const route = () =>
    hash == null
      ? location.pathname
      : (location.pathname + location.hash).replace(
          /\/?#!?(\/[^?]*).*|#.*/,
          "$1"
        );

  // Ends the current period of attention; starts the next if the page still has focus.
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

  // A new path is a new pageview. A new query is a new pageview only after pushState or
  // popstate, because sites call replaceState while a visitor types or drags.
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
    // A page that includes or runs the tag twice is still counted once.
    const stub = window.millpond || {};
    if (stub.on) return;
    send.on = 1;
    // The response contains a token with which the site's own server can name the
    // visitor of an order.
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
    // A page from the back/forward cache: nothing was loaded, but it is viewed again.
    addEventListener("pageshow", ({ persisted }) => {
      if (persisted) view();
    });
  };

  // A prerendered page counts only when it is shown.
  if (document.prerendering)
    document.addEventListener("prerenderingchange", start, { once: true });
  else start();
})();
