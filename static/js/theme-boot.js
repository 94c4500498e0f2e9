// Runs before the first paint, so that a chosen theme or a dismissed notice never flashes.
try {
  const theme = localStorage.getItem("chatsite.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  if (localStorage.getItem("chatsite.notice") === "dismissed") {
    document.documentElement.dataset.notice = "dismissed";
  }
} catch {
  // Storage may be forbidden: then the system's theme and the notice are shown.
}
document.documentElement.dataset.scripts = "yes";
