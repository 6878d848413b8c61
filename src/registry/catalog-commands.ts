import type { Command } from "../core/command.ts";
import { AppError } from "../core/errors.ts";
import type { Model, ModelVersion, RegistryTag } from "./schemas.ts";

const modelPath = (name: string): string => `/api/models/${encodeURIComponent(name)}`;
const versionPath = (model: string, version: string): string => `${modelPath(model)}/versions/${encodeURIComponent(version)}`;
const model = { name: "<model>", description: "name of the model" };
const version = { name: "<version>", description: "number of the version" };
const reasonOption = { flags: "--reason <text>", description: "why; kept in the model's history" };

const stage: Command = {
  words: ["models", "stage"],
  summary: "move a version to a stage; in Production it serves",
  positionals: [model, version, { name: "<stage>", description: "None, Staging, Production or Archived" }],
  options: [{ flags: "--archive-existing", description: "move the others of the stage to Archived" }, reasonOption],
  run: ({ api }, { positionals: [name, number, wanted], options }) => {
    const given = wanted!.charAt(0).toUpperCase() + wanted!.slice(1).toLowerCase();
    return api.send("POST", `${versionPath(name!, number!)}/stage`, { stage: given, archiveExisting: options.archiveExisting === true, reason: options.reason });
  },
  render: (moved: ModelVersion) => `Version ${moved.version} of ${moved.model} is in the stage ${moved.stage}.`,
};

const alias: Command = {
  words: ["models", "alias"],
  summary: "point an alias at a version, or remove it; champion serves",
  positionals: [model, { name: "<alias>", description: "such as champion" }, { name: "[version]", description: "number of the version; with --remove none" }],
  options: [{ flags: "--remove", description: "remove the alias" }, reasonOption],
  run: ({ api }, { positionals: [name, alias, number], options: { remove, reason } }) => {
    const path = `${modelPath(name!)}/aliases/${encodeURIComponent(alias!)}`;
    if (remove === true) return api.send("DELETE", path, undefined, { reason: reason as string | undefined });
    if (number === undefined) throw new AppError("INVALID_REQUEST", "Name a version, or --remove the alias.");
    return api.send("PUT", path, { version: number, reason });
  },
  render: (answer: Model | { removed: boolean }) =>
    "removed" in answer
      ? (answer.removed ? "The alias is removed." : "There was no such alias.")
      : `${answer.name}: ${Object.entries(answer.aliases).map(([name, number]) => `${name} is version ${number}`).join(", ")}.`,
};

const describe: Command = {
  words: ["models", "describe"],
  summary: "write what a model, or a version of it, is",
  positionals: [model, { name: "<text>", description: "the description" }],
  options: [{ flags: "--of-version <number>", description: "describe this version" }, reasonOption],
  run: ({ api }, { positionals: [name, description], options: { ofVersion: number, reason } }) =>
    api.send("PATCH", number === undefined ? modelPath(name!) : versionPath(name!, String(number)), { description, reason }),
  render: (answer: Model | ModelVersion) => ("contract" in answer ? `Version ${answer.version} of ${answer.model} is described.` : `${answer.name} is described.`),
};

const tagCommand: Command = {
  words: ["models", "tag"],
  summary: "set or remove a tag of a model or of a version",
  positionals: [model, { name: "<key=value>", description: "the tag; its key alone with --remove" }],
  options: [{ flags: "--of-version <number>", description: "tag this version" }, { flags: "--remove", description: "remove the tag" }, reasonOption],
  run: ({ api }, { positionals: [name, text], options: { ofVersion: number, remove, reason } }) =>
    api.send("PATCH", number === undefined ? modelPath(name!) : versionPath(name!, String(number)), {
      tags: remove === true ? { remove: [text!] } : { set: [tagOf(text!)] }, reason,
    }),
  render: ({ tags }: Model | ModelVersion) => (tags.length === 0 ? "It has no tags." : tags.map(({ key, value }) => `${key}=${value}`).join("\n")),
};

const rename: Command = {
  words: ["models", "rename"],
  summary: "give a model another name; serving goes on under it",
  positionals: [model, { name: "<name>", description: "the new name" }],
  options: [reasonOption],
  run: ({ api }, { positionals: [name, newName], options: { reason } }) => api.send("PATCH", modelPath(name!), { name: newName, reason }),
  render: ({ name }: Model) => `The model is named ${name} now.`,
};

const remove: Command = {
  words: ["models", "delete"],
  summary: "remove a model with its versions, or one version; what it serves ends",
  positionals: [model],
  options: [{ flags: "--of-version <number>", description: "remove this version alone" }, { flags: "--yes", description: "do it: it cannot be undone", required: true }, reasonOption],
  run: ({ api }, { positionals: [name], options: { ofVersion: number, reason } }) =>
    api.send("DELETE", number === undefined ? modelPath(name!) : versionPath(name!, String(number)), undefined, { reason: reason as string | undefined }),
  render: () => "It is removed.",
};

/** What people change of models and versions after they are registered. */
export const catalogCommands: readonly Command[] = [stage, alias, describe, tagCommand, rename, remove];

function tagOf(text: string): RegistryTag {
  const separator = text.indexOf("=");
  if (separator < 1) throw new AppError("INVALID_REQUEST", `${text} is not a tag such as team=blue.`);
  return { key: text.slice(0, separator), value: text.slice(separator + 1) };
}
