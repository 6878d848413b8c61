/**
 * Who may know whom. `core <- modules <- doors`, adapters at the side, and one file that wires them:
 *
 *   main.ts, up.ts, compose.ts   see everything; only these choose adapters, with local-commands.ts,
 *                                restore.ts and move.ts for what needs no server
 *   http, grpc, cli, mcp         doors: core and the modules' index.ts
 *   adapters/<technology>        core, and the ports and schemas of the modules
 *   client                       core, and the schemas of the modules
 *   <every other folder>         a module: core, and the index.ts of other modules
 *   config                       core
 *   core                         nobody
 *
 * `test/ground/layers.test.ts` plants a violation of each rule to prove that the rule can fail.
 */

const doors = "http|grpc|cli|mcp";
const notModules = `core|config|adapters|client|${doors}`;
/** The folder of any module; the first group is its name. */
const anyModule = `^src/(?!(?:${notModules})/)([^/]+)/`;
const insideOfAnyModule = `${anyModule}(?!index\\.ts$)`;
const composition = "^src/(main|command-files|up|compose|index|local-commands|restore|move|doctor|database-dialect|test-reset|all-routes|open-access|open-datasets|open-evaluation|open-events|open-exporting|open-gateway|open-importing|open-ledger|open-models|open-rollouts|open-scoring|open-tracing|open-tracking|open-upstreams|open-workflows)\\.ts$";
/** Tests, conformance suites and fixtures stand outside of the layers: a test may wire what it tests to a real adapter. */
const tests = "\\.(test|conformance|fixture)\\.ts$";

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      comment: "Two files that need each other are one file, or lack a third that both need.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "no-orphans",
      comment: "A file that nobody imports and that imports nobody is left over.",
      severity: "error",
      from: { orphan: true, pathNot: ["\\.test\\.ts$", composition] },
      to: {},
    },
    {
      name: "no-unresolvable",
      comment: "The imported file or package does not exist.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "core-knows-nobody",
      comment: "The core holds what everybody shares: it cannot know any of them.",
      severity: "error",
      from: { path: "^src/core/", pathNot: tests },
      to: { path: "^src/", pathNot: "^src/core/" },
    },
    {
      name: "config-knows-core-only",
      comment: "Configuration is read before anything else exists and is passed in from there.",
      severity: "error",
      from: { path: "^src/config/", pathNot: tests },
      to: { path: "^src/", pathNot: "^src/(core|config)/" },
    },
    {
      name: "modules-meet-at-the-index",
      comment: "A module offers to others what its index.ts exports, and nothing else.",
      severity: "error",
      from: { path: anyModule, pathNot: tests },
      to: { path: insideOfAnyModule, pathNot: "^src/$1/" },
    },
    {
      name: "modules-know-no-outside",
      comment: "A module works behind every door and on every adapter: it declares ports, and compose.ts fills them.",
      severity: "error",
      from: { path: anyModule, pathNot: tests },
      to: { path: [`^src/(adapters|config|client|${doors})/`, composition] },
    },
    {
      name: "adapters-know-no-door",
      comment: "An adapter serves ports; it must not know who calls, nor how the process is configured or wired.",
      severity: "error",
      from: { path: "^src/adapters/", pathNot: tests },
      to: { path: [`^src/(config|client|${doors})/`, composition] },
    },
    {
      name: "adapters-see-ports-and-schemas",
      comment: "An adapter takes types and schemas from a module: its index.ts, its schemas, or a port file (types alone). What a trace is found by is read on the database's thread, which loads nothing else of its module.",
      severity: "error",
      from: { path: "^src/adapters/", pathNot: tests },
      to: { path: insideOfAnyModule, pathNot: ["[/-]schemas\\.ts$", "^src/tracing/span-facts\\.ts$"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "adapters-see-no-service",
      comment: "Services, routes and commands are not for adapters, not even their types.",
      severity: "error",
      from: { path: "^src/adapters/", pathNot: tests },
      to: { path: `${anyModule}.*(service|routes|commands)\\.ts$` },
    },
    {
      name: "doors-know-modules-by-their-index",
      comment: "A door is mechanism: what it offers is declared in the modules and handed over by compose.ts.",
      severity: "error",
      from: { path: `^src/(${doors})/`, pathNot: tests },
      to: { path: [insideOfAnyModule, "^src/(adapters|config|client)/", composition] },
    },
    {
      name: "doors-know-no-other-door",
      comment: "HTTP, gRPC and the command line stand side by side.",
      severity: "error",
      from: { path: `^src/(${doors})/`, pathNot: tests },
      to: { path: `^src/(${doors})/`, pathNot: "^src/$1/" },
    },
    {
      name: "client-is-light",
      comment: "Programs embed the client: it takes types and schemas from the modules and never the server.",
      severity: "error",
      from: { path: "^src/client/", pathNot: tests },
      to: { path: [insideOfAnyModule, `^src/(adapters|config|${doors})/`, composition] },
    },
    {
      name: "only-composition-chooses-adapters",
      comment: "One place says which technology stands behind a port.",
      severity: "error",
      from: { path: "^src/", pathNot: ["^src/adapters/", "^src/(up|compose|restore|move|doctor|database-dialect|open-access|open-datasets|open-evaluation|open-events|open-exporting|open-gateway|open-importing|open-ledger|open-models|open-rollouts|open-scoring|open-tracing|open-tracking|open-upstreams|open-workflows)\\.ts$", tests] },
      to: { path: "^src/adapters/" },
    },
    {
      name: "no-test-in-product",
      comment: "Product code never imports a test, a conformance suite or anything outside src.",
      severity: "error",
      from: { path: "^src/", pathNot: tests },
      to: { path: [tests, "^(test|scripts|bench|examples|console)/"] },
    },
    {
      name: "no-dev-dependency-in-product",
      comment: "The published package brings only `dependencies`.",
      severity: "error",
      from: { path: "^src/", pathNot: tests },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"] },
    },
  ],
  options: {
    // Ports are types: without this, half of the graph is invisible.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^dist/" },
  },
};
