/** A rule, a text that breaks it where it stands, and a twin that is right. */
export interface LintCase {
  rule: string;
  /** Where both stand, with `#` for their names. */
  at?: string;
  wrong: string;
  right: string;
  /** Other rules that cannot but break with it. */
  also?: readonly string[];
}

const console = "console/src/#.ts";
const component = "console/src/#.tsx";
const test = "test/server/#.test.ts";

export const cases: readonly LintCase[] = [
  {
    rule: "typescript/no-floating-promises",
    wrong: "async function save(): Promise<void> {}\nexport function run(): void { save(); }",
    right: "async function save(): Promise<void> {}\nexport async function run(): Promise<void> { await save(); }",
  },
  {
    rule: "typescript/no-floating-promises",
    at: test,
    wrong: `import { mock } from "node:test";\nasync function it(): Promise<void> {}\nit();\nvoid mock;`,
    right: `import { describe, it } from "node:test";\ndescribe("a", () => { it("b", async () => {}); });`,
  },
  {
    rule: "typescript/no-misused-promises",
    wrong: "export const run = (list: string[]): void => list.forEach(async () => Promise.resolve());",
    right: "export const run = (list: string[]): void => list.forEach(() => undefined);",
  },
  {
    rule: "typescript/no-misused-promises",
    at: component,
    wrong: "export const run = async (list: string[], is: () => Promise<boolean>) => list.filter(() => { if (is()) return true; return false; });",
    right: "export const button = <button onClick={async () => {}} />;",
  },
  { rule: "typescript/await-thenable", wrong: "export async function f(x: number): Promise<void> { await x; }", right: "export async function f(x: Promise<number>): Promise<void> { await x; }" },
  {
    rule: "typescript/no-for-in-array",
    wrong: "export function f(list: string[]): void { for (const x in list) void x; }",
    right: "export function f(list: string[]): void { for (const x of list) void x; }",
  },
  { rule: "typescript/no-misused-spread", wrong: "export const f = (x: Map<string, string>) => ({ ...x });", right: "export const f = (x: Map<string, string>) => [...x];" },
  { rule: "typescript/only-throw-error", wrong: `export function f(): never { throw "no"; }`, right: `export function f(): never { throw new Error("no"); }` },
  { rule: "typescript/prefer-promise-reject-errors", wrong: `export const f = () => Promise.reject("no");`, right: `export const f = () => Promise.reject(new Error("no"));` },
  {
    rule: "typescript/return-await",
    wrong: "export async function f(x: () => Promise<void>): Promise<void> { try { return x(); } catch { return; } }",
    right: "export async function f(x: () => Promise<void>): Promise<void> { try { return await x(); } catch { return x(); } }",
  },
  {
    rule: "typescript/switch-exhaustiveness-check",
    wrong: `export function f(x: "a" | "b"): void { switch (x) { case "a": return; } }`,
    right: `export function f(x: "a" | "b"): void { switch (x) { case "a": return; default: } }`,
  },
  { rule: "typescript/ban-ts-comment", wrong: "// @ts-ignore because\nexport const x = 1;", right: "// @ts-expect-error nothing is wrong\nexport const x = 1;" },
  {
    rule: "typescript/consistent-type-imports",
    wrong: `import { Clock } from "./clock.ts";\nexport type X = Clock;`,
    right: `import type { Clock } from "./clock.ts";\nexport type X = Clock | import("./clock.ts").Clock;`,
  },
  { rule: "typescript/no-empty-object-type", wrong: "export const f = (x: {}) => x;", right: "export const f = (x: object) => x;" },
  { rule: "typescript/no-explicit-any", wrong: "export const x: any = 1;", right: "export const x: unknown = 1;" },
  {
    rule: "typescript/no-import-type-side-effects",
    wrong: `export type X = Clock;\nimport { type Clock } from "./clock.ts";`,
    right: `export type X = Clock;\nimport type { Clock } from "./clock.ts";`,
  },
  { rule: "typescript/no-require-imports", wrong: `export const fs = require("node:fs") as unknown;`, right: `import fs from "node:fs";\nexport { fs };` },
  { rule: "typescript/no-unsafe-function-type", wrong: "export const f = (x: Function) => x;", right: "export const f = (x: () => void) => x;" },
  { rule: "typescript/no-wrapper-object-types", wrong: "export const f = (x: String) => x;", right: "export const f = (x: string) => x;" },
  { rule: "no-unused-expressions", wrong: "export const f = (x: number): void => { x + 1; };", right: "export const f = (x: () => void): void => { x(); };" },
  { rule: "no-unused-vars", wrong: "const x = 1;\nexport {};", right: "export const f = ({ x, ...rest }: { x: 1 }, _y: number) => { try { return rest; } catch (error) { return x; } };" },
  { rule: "no-unused-vars", wrong: "export const f = (x: number, y: number) => x;", right: "export const f = (x: number, y: number) => y;" },
  { rule: "slipway/full-words", wrong: "export const opts = 1;", right: "export const options = 1;" },
  { rule: "slipway/full-words", wrong: "export function send(msg: string): string { return msg; }", right: "export const x = { msg: 1 };" },
  { rule: "slipway/full-words", wrong: "export interface Call { ctx: string }", right: "export const f = (x: { [key: string]: number }) => x.ctx;" },
  { rule: "max-lines", wrong: "export {};\n".repeat(501), right: "export {};\n".repeat(500) },
  { rule: "array-callback-return", wrong: "export const f = (x: number[]) => x.map((y) => { if (y > 1) return 1; });", right: "export const f = (x: number[]) => x.map((y) => { return y; });" },
  { rule: "curly", wrong: "export function f(x: boolean): void { if (x)\n f(x); }", right: "export function f(x: boolean): void { if (x) f(x); }" },
  { rule: "eqeqeq", wrong: "export const f = (x: number) => x == 1;", right: "export const f = (x: number) => x === 1;" },
  { rule: "eqeqeq", wrong: "export const f = (x: number | null) => x == null;", right: "export const f = (x: number | null) => x === null;" },
  { rule: "no-constant-binary-expression", wrong: "export const f = (x: number) => (x + 1) ?? 2;", right: "export const f = (x?: number) => x ?? 2;" },
  { rule: "no-constructor-return", wrong: "export class A { constructor() { return {}; } }", right: "export class A { constructor() { return; } }" },
  { rule: "no-debugger", wrong: "debugger;", right: "export {};" },
  {
    rule: "no-duplicate-imports",
    wrong: `import { join } from "node:path";\nimport { resolve } from "node:path";\nexport { join, resolve };`,
    right: `import { join } from "node:path";\nimport type { ParsedPath } from "node:path";\nexport const f: (x: string) => ParsedPath | string = join;`,
  },
  { rule: "no-eval", wrong: `export const x: unknown = eval("1");`, right: "export const x = 1;" },
  {
    rule: "no-fallthrough",
    wrong: "export function f(x: number): number { switch (x) { case 1: f(2);\n case 2: return 3;\n default: return 1; } }",
    right: "export function f(x: number): number { switch (x) { case 1: case 2: return 3;\n default: return 1; } }",
  },
  { rule: "no-implied-eval", wrong: `setTimeout("1", 1);`, right: "setTimeout(() => undefined, 1);" },
  { rule: "no-labels", wrong: "export function f(): void { a: { break a; } }", right: "export function f(x: number[]): void { a: for (const y of x) for (const z of x) if (y > z) continue a; }" },
  { rule: "no-loss-of-precision", wrong: "export const x = 5123000000000000000000000000001;", right: "export const x = 12345;" },
  { rule: "no-new-func", wrong: `export const f: unknown = new Function("return 1");`, right: "export const f = () => 1;" },
  { rule: "no-sparse-arrays", wrong: "export const x = [1, , 2];", right: "export const x = [1, 2];" },
  { rule: "no-template-curly-in-string", wrong: `export const x = "a $\{b}";`, right: "export const f = (b: string) => `a $" + "{b}`;" },
  { rule: "no-unreachable-loop", wrong: "export function f(x: number[]): number { for (const y of x) { return y; } return 0; }", right: "export function f(x: number[]): number { for (const y of x) { if (y > 1) return y; } return 0; }" },
  { rule: "no-unsafe-finally", wrong: "export function f(): number { try { return 1; } finally { return 2; } }", right: "export function f(): number { try { return 1; } finally { f(); } }" },
  { rule: "no-useless-rename", wrong: `export { join as join } from "node:path";`, right: `export { join as joined } from "node:path";` },
  { rule: "no-var", wrong: "export var x = 1;", right: "export let x = 1;\nx = 2;" },
  { rule: "object-shorthand", wrong: "export const f = (x: number) => ({ x: x });", right: "export const f = (x: number) => ({ x });" },
  { rule: "object-shorthand", wrong: "export const f = { a: function () { return 1; } };", right: "export const f = { a() { return 1; } };" },
  { rule: "prefer-const", wrong: "let x = 1;\nexport { x };", right: "let { x, y } = { x: 1, y: 2 };\ny = 3;\nexport { x, y };" },
  { rule: "use-isnan", wrong: "export const f = (x: number) => x === NaN;", right: "export const f = (x: number) => Number.isNaN(x);" },
  { rule: "valid-typeof", wrong: `export const f = (x: unknown) => typeof x === "strin";`, right: `export const f = (x: unknown) => typeof x === "string";` },
  { rule: "slipway/no-wall-clock", wrong: "export const now = Date.now();", right: "export const day = new Date(0);" },
  { rule: "slipway/no-wall-clock", wrong: "export const now = new Date();", right: "export const day = Date.UTC(2001, 0);" },
  { rule: "slipway/no-wall-clock", wrong: "export const now = Date();", right: `export const day = Date.parse("2001-01-01");` },
  { rule: "slipway/no-wall-clock", at: console, wrong: "export const now = Date.now();", right: "export const now = 0;" },
  { rule: "slipway/no-hidden-randomness", wrong: "export const x = Math.random();", right: "export const x = Math.round(1.5);" },
  { rule: "slipway/no-hidden-randomness", at: console, wrong: "export const x = Math.random();", right: "export const x = Math.round(1.5);" },
  { rule: "slipway/no-environment", wrong: "export const home = process.env.HOME;", right: "export const id = process.pid;" },
  { rule: "slipway/no-environment", wrong: "const { env } = process;\nexport { env };", right: "const { pid } = process;\nexport { pid };" },
  { rule: "slipway/no-environment", wrong: `export { env };\nimport { env } from "node:process";`, right: "export {};" },
  { rule: "no-console", wrong: `console.log("x");`, right: `process.stdout.write("x");` },
  { rule: "no-console", at: console, wrong: `console.log("x");`, right: "export {};" },
  { rule: "no-restricted-globals", wrong: "export const x: unknown = localStorage;", right: "export const f = (x: { localStorage: string }) => x.localStorage;" },
  { rule: "no-restricted-imports", at: test, wrong: `import "fast-check";`, right: `import "../kit/fast-check.ts";` },
  { rule: "no-restricted-imports", at: "examples/flights/#.ts", wrong: `import "fast-check";`, right: `import "../kit/fast-check.ts";` },
  { rule: "no-alert", at: console, wrong: `alert("x");`, right: "export {};" },
  { rule: "slipway/no-markup-of-texts", at: component, wrong: `export const x = <p dangerouslySetInnerHTML={{ __html: "" }} />;`, right: "export const x = <p>{1}</p>;" },
  { rule: "slipway/no-style-attribute", at: component, wrong: `export const x = <p style="color: red" />;`, right: `export const x = <p style={{ color: "red" }} />;` },
  { rule: "slipway/no-own-tab-order", at: component, wrong: "export const x = <p tabIndex={1} />;", right: "export const x = <p tabIndex={0} />;" },
  {
    rule: "Unused oxlint-disable directive (no problems were reported).",
    wrong: "// oxlint-disable-next-line typescript/no-explicit-any -- it was\nexport const x = 1;",
    right: "// oxlint-disable-next-line typescript/no-explicit-any -- it is\nexport const x: any = 1;",
  },
];

/** Where the rules of the product do not hold. */
export const meant: readonly { file: string; text: string }[] = [
  { file: "src/core/clock.ts", text: "export interface Clock { now(): number }\nexport const zero = 0;\nexport const now = Date.now();" },
  { file: "src/config/load-config.ts", text: "export const home = process.env.HOME;" },
  { file: "src/cli/run-cli.ts", text: `console.log("x");` },
  { file: "test/ground/lint.test.ts", text: `console.log(Date.now(), Math.random(), process.env.HOME, 5123000000000000000000000000001);\nexport function f(): never { throw "no"; }` },
  { file: "src/core/ids.conformance.ts", text: "console.log(Date.now(), Math.random(), process.env.HOME);" },
  { file: "scripts/build.ts", text: "console.log(Date.now(), process.env.HOME);" },
  { file: "test/kit/fast-check.ts", text: `import "fast-check";` },
  { file: "console/src/clock.ts", text: "export const now = Date.now();" },
];
