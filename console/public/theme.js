// Applies the theme that the reader chose before anything is painted; without a choice the system's stands.
try {
  const choice = localStorage.getItem("slipway.theme");
  if (choice === "light" || choice === "dark") document.documentElement.dataset.theme = choice;
} catch {
  // Storage is switched off: the system's theme stands.
}
