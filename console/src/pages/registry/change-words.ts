import type { RegistryChange } from "../../data/types.ts";

const words: Record<string, string> = {
  "model.created": "made the model", "model.described": "described the model", "model.renamed": "renamed the model", "model.deleted": "removed the model",
  "model.tag.set": "tagged the model", "model.tag.deleted": "took a tag from the model", "model.alias.changed": "moved the alias", "model.alias.deleted": "removed the alias",
  "model.version.registered": "registered", "model.version.described": "described", "model.version.deleted": "removed", "model.version.transitioned": "moved",
  "model.version.tag.set": "tagged", "model.version.tag.deleted": "took a tag from",
};

/** What somebody did, as the middle of a sentence: who, this, why. */
export function changeWords({ change, version }: Pick<RegistryChange, "change" | "version">): string {
  const verb = words[change] ?? change;
  return version === null || change.startsWith("model.alias") ? verb : `${verb} v${version}`;
}
