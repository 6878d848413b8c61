import { globSync } from "node:fs";
import { join, resolve } from "node:path";
import { ESLint, type Linter } from "eslint";
import ts from "typescript";

/*
 * What `npm run types` and `npm run lint` check, and the types of test/sdks, in half of the processor time: lint asks for nearly every type that the
 * compiler finds out, and here it is asked of the same programs. Needs the packages of test/sdks (`npm ci --prefix test/sdks`).
 */
const root = join(import.meta.dirname, "..");

/** Programs, in order: a file is linted with the first that has it. */
const configurations: readonly { path: string; checks: "all" | "own files" }[] = [
  { path: "tsconfig.json", checks: "all" },
  { path: "console/tsconfig.json", checks: "all" },
  // It takes the options of the first, and imports nothing else that is ours.
  { path: "test/sdks/tsconfig.json", checks: "own files" },
];

const format: ts.FormatDiagnosticsHost = { getCurrentDirectory: () => root, getCanonicalFileName: (name) => name, getNewLine: () => "\n" };

function fail(text: string): void {
  process.stdout.write(`${text}\n`);
  process.exitCode = 1;
}

function programOf(configuration: string): ts.Program {
  const host: ts.ParseConfigFileHost = {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (problem) => {
      throw new Error(ts.formatDiagnostic(problem, format));
    },
  };
  const { fileNames, options, errors } = ts.getParsedCommandLineOfConfigFile(join(root, configuration), {}, host)!;
  return ts.createProgram({ rootNames: fileNames, options, configFileParsingDiagnostics: errors });
}

/** Files that lint knows and no program has had yet. */
async function filesToLint(): Promise<Set<string>> {
  const eslint = new ESLint({ cwd: root });
  const paths = globSync("**/*.{js,cjs,mjs,ts,tsx}", { cwd: root, exclude: (path) => path.endsWith("node_modules") }).map((path) => resolve(root, path));
  const ignored = await Promise.all(paths.map((path) => eslint.isPathIgnored(path)));
  return new Set(paths.filter((_, index) => ignored[index] === false));
}

async function lint(files: readonly string[], programs: readonly ts.Program[]): Promise<void> {
  const languageOptions: Linter.LanguageOptions = { parserOptions: { projectService: false, programs } };
  const eslint = new ESLint({ cwd: root, overrideConfig: { files: ["**/*.{ts,tsx}"], languageOptions } });
  const results = await eslint.lintFiles([...files]);
  if (results.some(({ errorCount, warningCount }) => errorCount + warningCount > 0)) fail(await (await eslint.loadFormatter("stylish")).format(results));
}

const left = await filesToLint();
for (const { path, checks } of configurations) {
  const program = programOf(path);
  const own = program.getSourceFiles().filter(({ fileName }) => left.delete(resolve(fileName)));
  const problems = checks === "all" ? ts.getPreEmitDiagnostics(program) : own.flatMap((file) => [...ts.getPreEmitDiagnostics(program, file)]);
  if (problems.length > 0) fail(ts.formatDiagnosticsWithColorAndContext(problems, format));
  await lint(own.map(({ fileName }) => fileName), [program]);
  process.stdout.write(`${path}: ${own.length} files\n`);
}
const untyped = [...left].filter((path) => /\.tsx?$/.test(path));
if (untyped.length > 0) fail(`in the program of none of ${configurations.map(({ path }) => path).join(", ")}:\n${untyped.join("\n")}`);
const plain = [...left].filter((path) => !untyped.includes(path));
await lint(plain, []);
process.stdout.write(`without types: ${plain.length} files\n`);
