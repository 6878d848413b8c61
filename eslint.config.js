import { defineConfig } from "eslint/config";
import typescript from "typescript-eslint";
import slipway from "./scripts/lint-rules.js";

/** Rules that need types: the ones that find what neither the compiler nor a test does. */
const typed = {
  "@typescript-eslint/await-thenable": "error",
  "@typescript-eslint/no-floating-promises": [
    "error",
    // The runner awaits its own tests.
    {
      allowForKnownSafeCalls: [
        { from: "package", package: "node:test", name: ["after", "afterEach", "before", "beforeEach", "describe", "it", "suite", "test"] },
      ],
    },
  ],
  "@typescript-eslint/no-for-in-array": "error",
  "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { attributes: false } }],
  "@typescript-eslint/no-misused-spread": "error",
  "@typescript-eslint/only-throw-error": "error",
  "@typescript-eslint/prefer-promise-reject-errors": "error",
  "@typescript-eslint/return-await": ["error", "in-try-catch"],
  "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
};

const everywhere = {
  "slipway/file-name": "error",
  "slipway/full-words": "error",
  // House style advises 300 lines; at 500 a file is split.
  "max-lines": ["error", { max: 500 }],
  "array-callback-return": "error",
  curly: ["error", "multi-line"],
  eqeqeq: ["error", "always"],
  "no-constant-binary-expression": "error",
  "no-constructor-return": "error",
  "no-debugger": "error",
  "no-duplicate-imports": ["error", { allowSeparateTypeImports: true }],
  "no-eval": "error",
  "no-fallthrough": "error",
  "no-implied-eval": "error",
  "no-labels": ["error", { allowLoop: true }],
  "no-loss-of-precision": "error",
  "no-new-func": "error",
  "no-sparse-arrays": "error",
  "no-template-curly-in-string": "error",
  "no-unreachable-loop": "error",
  "no-unsafe-finally": "error",
  "no-useless-rename": "error",
  "no-var": "error",
  "object-shorthand": "error",
  "prefer-const": ["error", { destructuring: "all" }],
  "use-isnan": "error",
  "valid-typeof": "error",
};

/** What only one place may do; the exceptions follow below. */
const product = {
  "no-console": "error",
  "no-restricted-globals": ["error", { name: "localStorage", message: "Server code has none." }],
  "slipway/no-environment": "error",
  "slipway/no-hidden-randomness": "error",
  "slipway/no-wall-clock": "error",
};

const tests = ["**/*.test.ts", "**/*.test.tsx", "**/*.browser.ts", "**/*.conformance.ts", "**/*.fixture.ts", "test/**"];

export default defineConfig(
  { ignores: ["**/node_modules/", "dist/", "coverage/", ".venv/", "slipway-data/"] },
  {
    files: ["**/*.{js,cjs,ts,tsx}"],
    plugins: { slipway },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: everywhere,
  },
  {
    files: ["**/*.{ts,tsx}"],
    plugins: { "@typescript-eslint": typescript.plugin },
    languageOptions: {
      parser: typescript.parser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      ...typed,
      "@typescript-eslint/ban-ts-comment": "error",
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "separate-type-imports", disallowTypeAnnotations: false }],
      "@typescript-eslint/no-empty-object-type": "error",
      "@typescript-eslint/no-explicit-any": "error",
      // `import { type X } from "m"` still runs m.
      "@typescript-eslint/no-import-type-side-effects": "error",
      "@typescript-eslint/no-require-imports": "error",
      "@typescript-eslint/no-unsafe-function-type": "error",
      "@typescript-eslint/no-unused-expressions": "error",
      "@typescript-eslint/no-unused-vars": [
        "error",
        { args: "after-used", argsIgnorePattern: "^_", caughtErrors: "none", ignoreRestSiblings: true },
      ],
      "@typescript-eslint/no-wrapper-object-types": "error",
    },
  },
  { files: ["src/**/*.ts"], rules: product },
  { files: ["src/core/clock.ts"], rules: { "slipway/no-wall-clock": "off" } },
  { files: ["src/config/**"], rules: { "slipway/no-environment": "off" } },
  { files: ["src/cli/**"], rules: { "no-console": "off" } },
  {
    files: tests,
    rules: {
      "@typescript-eslint/only-throw-error": "off",
      "no-console": "off",
      "no-loss-of-precision": "off",
      "slipway/no-environment": "off",
      "slipway/no-hidden-randomness": "off",
      "slipway/no-wall-clock": "off",
    },
  },
  {
    files: [...tests, "examples/**"],
    rules: { "no-restricted-imports": ["error", { name: "fast-check", message: "test/kit/fast-check.ts has it with the seed of the run." }] },
  },
  { files: ["test/kit/fast-check.ts"], rules: { "no-restricted-imports": "off" } },
  {
    // The browser has no injected clock at its door: console/src/clock.ts is it.
    files: ["console/src/**"],
    rules: {
      "no-alert": "error",
      "no-console": "error",
      "slipway/no-hidden-randomness": "error",
      "slipway/no-wall-clock": "error",
      "no-restricted-syntax": [
        "error",
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "React escapes text; this would not." },
        { selector: "JSXAttribute[name.name='style'] > Literal", message: "The Content-Security-Policy refuses style attributes in markup." },
        { selector: "JSXAttribute[name.name='tabIndex'] > JSXExpressionContainer > Literal[value>0]", message: "The order of the document is the order of the keyboard." },
      ],
    },
  },
  { files: ["console/src/clock.ts"], rules: { "slipway/no-wall-clock": "off" } },
);
