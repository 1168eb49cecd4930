// The browser tag: sends pageviews, attention, scroll depth, outbound links, downloads
// and the site's own events as native events. It sets no cookie, writes no storage and
// loads nothing. docs/tag.md explains how to use it.
//
// proxy/routes/minify.py takes the comments, the white space and the long local names
// out of it. So comments stand on lines of their own, statements end in semicolons,
// each name has a declaration of its own, and no text or pattern holds a space.

(() => {
  // A module has no current script, and a tag written into the page has no address.
  // The text "/m.js" becomes the configured path.
  const { src, dataset: { api, hash, local, site } = {} } =
    document.currentScript ||
    document.querySelector("script[src*='/m.js']") ||
    0;
  // Files and IPv6 addresses are never a site's own page. A developer's own machine
  // counts only where data-local asks: the slash then keeps the end from matching.
  const silent = /^(\W|$|127[\d.]+$)|\blocalhost$/.test(
    location.hostname + (local == null ? "" : "/")
  );

  // The page view that events belong to. Path and query tell it from the next one.
  let referrer;
  let url;
  let path;
  let query;

  // Attention not yet reported, in milliseconds; when the current period of attention
  // began, if the page has it; and the lowest visible point so far, in pixels.
  let engaged = 0;
  let since;
  let deepest;

  // Where events go; events that the server has not kept yet; failed tries in a row; the
  // timer of the next try.
  let endpoint;
  const waiting = [];
  let failures = 0;
  let timer;

  // Nothing that goes wrong in the tag may reach the page or its console.
  const safe = (run) => (...values) => {
    try {
      run(...values);
    } catch {}
  };
  const listen = (type, run) => addEventListener(type, safe(run), 1);

  // Sends all that waits, as one request. Neither an event nor its id changes between
  // two tries: the server counts a repeated event once. The objection is looked up each
  // time, so that it counts from the moment it is made.
  const deliver = async () => {
    timer = 0;
    const events = waiting.splice(0);
    if (events[0] && !/\bnoanalytics=1\b/.test(document.cookie))
      try {
        const body = events[1] ? "[" + events + "]" : events[0];
        // Not a beacon: one that is blocked looks like one that was sent.
        const answer = await fetch(endpoint, {
          method: "POST",
          body,
          // Browsers refuse more than 64 KB.
          keepalive: body.length < 2e4,
          credentials: "omit",
        });
        if (answer.status > 428) throw 0;
        failures = 0;
      } catch {
        // Nine more tries, over almost five minutes. After them only another event or
        // a page that is left tries again.
        waiting.push(...events);
        if (!timer && failures < 9)
          timer = setTimeout(deliver, 1e3 * ++failures * failures);
      }
  };

  const send = safe((name, props, more) => {
    if (silent || waiting[99]) return;
    waiting.push(
      JSON.stringify({
        site,
        name,
        id: "" + crypto.getRandomValues(new Uint32Array(4)),
        url,
        referrer,
        lang: navigator.language,
        screen: [screen.width, screen.height],
        props,
        ...more,
      })
    );
    if (!timer) deliver();
  });

  // With data-hash, the route in #/cart or #!/cart is appended to the path. Any other
  // fragment stays in the browser, because it can contain secrets.
  const route = () =>
    (location.pathname + (hash == null ? "" : location.hash)).replace(
      /\/?#!?(\/[^?]*).*|#.*/,
      "$1"
    );

  // Ends the current period of attention; starts the next if the page still has focus.
  const attend = () => {
    const time = performance.now();
    if (since) engaged += time - since;
    since = !document.hidden && document.hasFocus() && time;
    deepest = Math.max(deepest, scrollY + innerHeight);
  };

  // Sends the attention since the last report, so that reports of one page add up. No
  // timer may run after it, so what waits is tried now.
  const report = () => {
    attend();
    const engaged_ms = Math.round(engaged);
    const scroll_pct = Math.round(
      (100 * deepest) / document.documentElement.scrollHeight
    );
    engaged = 0;
    if (engaged_ms) send("engagement", null, { engaged_ms, scroll_pct });
    deliver();
  };

  // A new path is a new page view, but not where only a slash at its end comes or goes.
  // A new query is one only where the history grew or moved, because sites replace the
  // query while someone types or drags.
  const navigated = (type) => {
    const page = route().replace(/\/$/, "");
    if (page != path || (type != "replace" && location.search != query)) {
      report();
      referrer = url || document.referrer;
      // Of the fragment, what stands before a campaign stays in the browser.
      url =
        location.origin +
        route() +
        location.search +
        location.hash.replace(/(utm_.*)|[^#]/g, "$1");
      deepest = 0;
      send("pageview");
    }
    path = page;
    query = location.search;
  };

  const wrap = (type) => {
    const call = type + "State";
    const original = history[call];
    history[call] = (...values) => {
      original.apply(history, values);
      safe(navigated)(type);
    };
  };

  // Only after all of the page saw the click is it known whether the link is followed.
  const clicked = (event) => {
    const link = event
      .composedPath()
      .find((node) => node.matches && node.matches(":any-link"));
    setTimeout(
      safe(() => {
        // The address of a link inside a drawing is an object.
        const target = new URL(link.href.baseVal || link.href, document.baseURI);
        const host = target.hostname;
        const saved = link.getAttribute("download");
        const file = host ? target.pathname.split("/").pop() : saved;
        if (event.defaultPrevented || event.button > 1) return;
        if (
          saved != null ||
          /\.(pdf|(doc|xls|ppt)x?|od[pst]|csv|txt|epub|zip|rar|7z|gz|dmg|pkg|exe|msi|apk|deb|rpm|iso|mp[34])$/i.test(
            file
          )
        )
          send("download", { file });
        else if (host && host != location.hostname) send("outbound", { host });
      })
    );
  };

  const start = () => {
    // A page that holds the tag twice, or runs it again, is still counted once.
    const stub = window.millpond || 0;
    if (stub.on) return;
    send.on = 1;
    // The response contains a token with which the site's own server can name the
    // visitor of an order.
    send.visit = () => fetch(new URL("visit", endpoint));
    window.millpond = send;
    endpoint = new URL(api || "v1/events", src || location.origin + "/m.js");

    navigated();
    (stub.q || []).forEach((values) => send(...values));

    // Routers may hold a pushState from before the tag came. The Navigation API sees
    // their pages too; browsers without it are asked once a second.
    if (window.navigation)
      navigation.addEventListener(
        "currententrychange",
        safe((event) => navigated(event.navigationType))
      );
    else {
      wrap("push");
      wrap("replace");
      listen("popstate", navigated);
      setInterval(safe(navigated), 1e3, "replace");
    }
    listen("focus", attend);
    listen("blur", attend);
    listen("scroll", attend);
    listen("click", clicked);
    listen("auxclick", clicked);
    listen("visibilitychange", report);
    listen("pagehide", () => {
      report();
      since = 0;
    });
    // Back from the back/forward cache: nothing was loaded, yet the page is seen again.
    listen("pageshow", (event) => {
      if (event.persisted) path = 0;
      navigated("replace");
    });
  };

  // A prerendered page counts when it is shown, if ever.
  if (document.prerendering) listen("prerenderingchange", start);
  else safe(start)();
})();
