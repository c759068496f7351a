// Before the first paint: the colours chosen here, else the system's. And the base, as long as the address is the server's.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("tenantry-theme");
  } catch (_) {
    // a browser that keeps nothing
  }
  var dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
  var base = document.querySelector("base");
  if (base) base.href = base.href;
})();
