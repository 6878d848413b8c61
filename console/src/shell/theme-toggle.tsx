import { Icon } from "../parts/icon.tsx";
import { chooseTheme, useThemeChoice, type ThemeChoice } from "./theme.ts";

const next: Record<ThemeChoice, ThemeChoice> = { system: "dark", dark: "light", light: "system" };
const words: Record<ThemeChoice, string> = { system: "as the system", dark: "dark", light: "light" };
const icons = { system: "system", dark: "moon", light: "sun" } as const;

export function ThemeToggle() {
  const choice = useThemeChoice();
  const label = `Theme: ${words[choice]}. Change to ${words[next[choice]]}`;
  return (
    <button type="button" className="icon-button" title={label} aria-label={label} onClick={() => chooseTheme(next[choice])}>
      <Icon name={icons[choice]} />
    </button>
  );
}
