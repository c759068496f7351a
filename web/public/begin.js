// Before the first paint: the colours chosen here, else the system's; how high rows are; the base, as long as the address
// is the server's; and which page the frame in index.html is of. After it, the rest of the code: it takes the frame's place.
(function () {
  function kept(key) {
    try {
      return localStorage.getItem(key);
    } catch (_) {
      return null; // a browser that keeps nothing
    }
  }

  var chosen = kept("tenantry-theme");
  var dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
  var rows = kept("tenantry-rows");
  if (rows) document.documentElement.setAttribute("data-rows", rows);
  var base = document.querySelector("base");
  if (base) base.href = base.href;

  // What goes from page to page, as CARRIED in src/url.ts.
  var taken = new URLSearchParams();
  new URLSearchParams(location.search).forEach(function (value, key) {
    if (/^(range|compare|currency|basis|shared)$/.test(key)) taken.set(key, value);
  });

  function name() {
    var root = document.querySelector("#root a").pathname;
    document.querySelectorAll("#root [data-place]").forEach(function (link) {
      var here = location.pathname === link.pathname;
      if (here || (link.pathname !== root && location.pathname.startsWith(link.pathname))) link.setAttribute("aria-current", "page");
      if (here) document.querySelector("#root h1").textContent = link.textContent;
      link.search = taken;
    });
  }

  var begun = false;
  function load() {
    var code = document.querySelector("link[data-begin]");
    if (begun || !code) return;
    begun = true;
    var script = document.createElement("script");
    script.type = "module";
    script.crossOrigin = "";
    script.src = code.href;
    document.body.append(script);
  }

  document.addEventListener("readystatechange", function () {
    if (document.readyState !== "interactive") return;
    name();
    // At once where nothing is painted, as in a tab behind others.
    if (document.visibilityState === "hidden") return load();
    requestAnimationFrame(function () {
      setTimeout(load);
    });
    setTimeout(load, 250);
  });
})();
