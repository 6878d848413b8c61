import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Licences that ask for no text beside what is handed on. */
const withoutText = new Set(["Unlicense", "0BSD", "CC0-1.0"]);

/** What goes along with files into which packages were built: their names, versions and licences. `folders` are those of the packages. Throws where a licence asks for its text and the package has none. */
export function licenceTexts(folders: readonly string[]): string {
  return [...new Set(folders)].sort().map(licenceOf).join("\n\n");
}

function licenceOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { name: string; version: string; license: string };
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined && !withoutText.has(license)) throw new Error(`${name} comes without the text of its licence.`);
  const text = file === undefined ? "" : `\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
  return `${name} ${version} (${license}), within the files of this folder${text === "" ? "\n" : `:\n${text}`}`;
}
