import { z } from "zod";
import { AppError } from "./errors.ts";

const forbidden = new Set(["__proto__", "constructor", "prototype", "hasOwnProperty", "toString", "valueOf"]);
const pattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** True for a name that is safe as a URL segment, a folder and an object key. */
export function isSafeName(name: string): boolean {
  return pattern.test(name) && !forbidden.has(name) && !name.includes("..") && !name.endsWith(".");
}

/** The gate for every name that a client supplies; throws INVALID_NAME. */
export function assertSafeName(name: string, what: string): void {
  if (!isSafeName(name)) throw new AppError("INVALID_NAME", `${JSON.stringify(name.slice(0, 140))} is not a valid ${what}.`);
}

export const ModelName = z
  .string()
  .refine(isSafeName, "1 to 128 letters, digits, dots, dashes and underscores, starting with a letter or digit")
  .meta({ id: "ModelName", description: "Name of a model", example: "flight-delay" });
export type ModelName = z.infer<typeof ModelName>;

const controlCharacter = /[\u0000-\u001f\u007f]/;

/** True for what the registry takes as the name of a model: more than `isSafeName`, as much as MLflow's clients may send. */
export function isRegistryName(name: string): boolean {
  return name.trim() !== "" && !forbidden.has(name) && name.length <= 256 && name.isWellFormed() && !/[/:]/.test(name) && !controlCharacter.test(name) && name !== "." && name !== "..";
}

/** Name of a model in the registry. Only those that are a `ModelName` too can be served. */
export const RegistryName = z
  .string()
  .refine(isRegistryName, "1 to 256 characters, none of them a slash, a colon or a control character, and neither . nor ..")
  .meta({ id: "RegistryName", description: "Name of a model in the registry; to serve, it must be a ModelName too", example: "flight-delay" });
export type RegistryName = z.infer<typeof RegistryName>;

/** Versions are whole numbers from 1, written as text. */
export const VersionNumber = z
  .string()
  .regex(/^[1-9][0-9]{0,8}$/, "a version number such as 3")
  .meta({ id: "VersionNumber", description: "Number of a model version, counted from 1", example: "1" });
export type VersionNumber = z.infer<typeof VersionNumber>;

export const Digest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, "sha256: and 64 hexadecimal digits")
  .meta({ id: "Digest", description: "SHA-256 of a file's bytes" });
export type Digest = z.infer<typeof Digest>;
