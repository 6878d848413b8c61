/** Colours by role, as CSS custom properties; the canvas gets what they resolve to under the present theme. */
export const versionColors = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5", "--series-6"] as const;

/** Resolves custom properties to colours that a canvas takes. Call again when the theme changes. */
export function resolveColors<Name extends string>(names: readonly Name[]): Record<Name, string> {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const style = getComputedStyle(probe);
  const resolved = {} as Record<Name, string>;
  for (const name of names) {
    probe.style.color = `var(${name})`;
    resolved[name] = style.color;
  }
  probe.remove();
  return resolved;
}

/** The same colour with another opacity. */
export function fade(color: string, alpha: number): string {
  const [red = "0", green = "0", blue = "0"] = color.match(/[\d.]+/g) ?? [];
  return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
}
