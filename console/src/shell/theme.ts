import { useSyncExternalStore } from "react";

export type ThemeChoice = "system" | "light" | "dark";

const storageKey = "slipway.theme";
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function notify(): void {
  for (const listener of listeners) listener();
}
systemDark.addEventListener("change", notify);

function readChoice(): ThemeChoice {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}

export function chooseTheme(choice: ThemeChoice): void {
  if (choice === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  try {
    if (choice === "system") localStorage.removeItem(storageKey);
    else localStorage.setItem(storageKey, choice);
  } catch {
    // Storage is switched off: the choice holds until the page is closed.
  }
  notify();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useThemeChoice(): ThemeChoice {
  return useSyncExternalStore(subscribe, readChoice);
}

/** What is painted now; for drawings that cannot use CSS. */
export function useResolvedTheme(): "light" | "dark" {
  return useSyncExternalStore(subscribe, () => {
    const choice = readChoice();
    return choice === "system" ? (systemDark.matches ? "dark" : "light") : choice;
  });
}
