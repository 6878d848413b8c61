import { aliasesOf } from "../data/models.ts";
import type { ModelEntry } from "../data/types.ts";
import { eventTabs, gatewayTabs, modelTabs, sections, settingsTabs, workflowTabs } from "./sections.ts";

export interface PaletteEntry {
  id: string;
  label: string;
  /** What stands behind the label, small. */
  note: string;
  kind: "Page" | "Model" | "Version" | "Action";
  /** Where it leads; or what it does. */
  href?: string;
  run?: () => void;
  keywords: string;
}

/** Everything that can be reached by name. Versions and the tabs of a model appear once something is typed. */
export function paletteEntries(models: readonly ModelEntry[], actions: readonly PaletteEntry[]): PaletteEntry[] {
  const entries: PaletteEntry[] = [];
  for (const section of sections) {
    entries.push({ id: `page:${section.id}`, label: section.label, note: "", kind: "Page", href: section.href, keywords: section.keywords });
  }
  const tabs = [["Gateway", gatewayTabs], ["Workflows", workflowTabs], ["Events", eventTabs], ["Settings", settingsTabs]] as const;
  for (const [section, pages] of tabs) {
    for (const { id, label, path } of pages) entries.push({ id: `tab:${section}:${id}`, label: `${section} › ${label}`, note: "", kind: "Page", href: path, keywords: "" });
  }
  for (const model of models) {
    const href = `/models/${model.name}`;
    entries.push({ id: `model:${model.name}`, label: model.name, note: model.description, kind: "Model", href, keywords: model.description });
    for (const tab of modelTabs.slice(1)) {
      entries.push({ id: `tab:${model.name}:${tab.id}`, label: `${model.name} › ${tab.label}`, note: "", kind: "Page", href: href + tab.path, keywords: "" });
    }
    const versions = new Set([...model.served.map((served) => served.version), ...Object.values(model.aliases)]);
    if (model.latestVersion !== null) versions.add(model.latestVersion);
    for (const version of [...versions].sort((a, b) => Number(b) - Number(a))) {
      const aliases = aliasesOf(model, version);
      const state = model.served.find((served) => served.version === version)?.state ?? "not loaded";
      const note = [...aliases, state].join(" · ");
      entries.push({ id: `version:${model.name}:${version}`, label: `${model.name} v${version}`, note, kind: "Version", href: `${href}?version=${version}`, keywords: `version ${version}` });
      if (!aliases.includes("champion")) {
        entries.push({
          id: `promote:${model.name}:${version}`, label: `Make v${version} the champion of ${model.name}…`, note: "asks first", kind: "Action",
          href: `${href}?promote=${version}`, keywords: "promote alias rollback deploy",
        });
      }
    }
  }
  return [...entries, ...actions];
}

const idPattern = /^(prd|rol|wfr|whk)_[0-9a-hjkmnp-tv-z]{26}$/;
const pageOfId: Record<string, { note: string; path: string }> = {
  prd: { note: "open this prediction", path: "/predictions/" },
  rol: { note: "open this rollout", path: "/rollouts/" },
  wfr: { note: "open this workflow run", path: "/workflows/runs/" },
  whk: { note: "open this webhook", path: "/events/webhooks/" },
};

/**
 * Entries that hold every word of the text, best first: a label that begins with it, then words that do, then the rest.
 * Without text: pages, models and actions. The id of a prediction, a rollout, a run, a webhook or a trace opens it.
 */
export function searchPalette(entries: readonly PaletteEntry[], text: string, limit = 40): PaletteEntry[] {
  const needle = text.trim().toLowerCase();
  const page = idPattern.test(needle) ? pageOfId[needle.slice(0, 3)] : undefined;
  if (page !== undefined) return [{ id: needle, label: needle, note: page.note, kind: "Page", href: page.path + needle, keywords: "" }];
  if (/^[0-9a-f]{32}$/.test(needle)) return [{ id: needle, label: needle, note: "open this trace", kind: "Page", href: `/traces/${needle}`, keywords: "" }];
  if (needle === "") {
    return entries.filter((entry) => !entry.id.startsWith("tab:") && !entry.id.startsWith("promote:") && entry.kind !== "Version").slice(0, limit);
  }
  const words = needle.split(/\s+/);
  const scored: { entry: PaletteEntry; score: number; order: number }[] = [];
  for (const [order, entry] of entries.entries()) {
    const label = entry.label.toLowerCase();
    const all = `${label} ${entry.kind} ${entry.note} ${entry.keywords}`.toLowerCase();
    if (!words.every((word) => all.includes(word))) continue;
    let score = label === needle ? 0 : label.startsWith(needle) ? 1 : words.every((word) => label.includes(word)) ? 2 : 3;
    if (entry.kind === "Action") score += 0.5;
    scored.push({ entry, score, order });
  }
  return scored.sort((a, b) => a.score - b.score || a.order - b.order).slice(0, limit).map(({ entry }) => entry);
}
