// Light and dark: as the system says, until the reader chooses.
(() => {
  "use strict";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => root.dataset.theme || (system.matches ? "dark" : "light");
  const tell = () => document.dispatchEvent(new CustomEvent("themechange", { detail: theme() }));
  const button = document.getElementById("theme");
  const name = () => {
    button.textContent = theme() === "dark" ? "Light page" : "Dark page";
  };
  if (button) {
    name();
    button.addEventListener("click", () => {
      root.dataset.theme = theme() === "dark" ? "light" : "dark";
      name();
      tell();
    });
  }
  system.addEventListener("change", () => {
    if (button) name();
    tell();
  });
  document.getElementById("print")?.addEventListener("click", () => print());
})();
