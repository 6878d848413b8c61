#!/usr/bin/env node
// Plain JavaScript that old versions of Node can read too: it finds the program, and a Node that can run it.
import { spawn } from "child_process";
import { existsSync, readdirSync, statSync } from "fs";
import * as nodeModule from "module";
import { dirname, join } from "path";
import { fileURLToPath, pathToFileURL } from "url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The first Node that strips types and has node:sqlite without a flag. */
const wanted = [22, 18];

function isRecentEnough(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > wanted[0] || (major === wanted[0] && minor >= wanted[1]);
}

/** Newest change of a folder's files and subfolders, in milliseconds. */
function newestChange(folder) {
  let newest = statSync(folder).mtimeMs;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestChange(path) : statSync(path).mtimeMs);
  }
  return newest;
}

/** The built program; in a source tree whose sources changed since (or that was never built), the sources themselves. */
function program() {
  const built = join(root, "dist", "main.js");
  const source = join(root, "src", "main.ts");
  if (!existsSync(source)) return built;
  return existsSync(built) && statSync(built).mtimeMs >= newestChange(dirname(source)) ? built : source;
}

/** The Node of the npm package `node`, where it is installed in this tree or beside this package. */
function bundledNode() {
  const name = process.platform === "win32" ? "node.exe" : "node";
  const candidates = [join(root, "node_modules", "node", "bin", name), join(root, "..", "node", "bin", name)];
  return candidates.find((path) => existsSync(path));
}

/** Runs this file again on another Node and becomes as transparent as a process can: signals in, exit code out. */
function runOn(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url)].concat(process.argv.slice(2)), {
    stdio: "inherit",
    env: Object.assign({}, process.env, { SLIPWAY_BUNDLED_NODE: "1" }),
  });
  const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2"];
  const forward = (signal) => {
    // A terminal has sent its Ctrl-C to the child already: twice would mean "at once".
    if (signal === "SIGINT" && process.stdin.isTTY) return;
    child.kill(signal);
  };
  for (const signal of signals) process.on(signal, forward);
  child.on("error", (error) => {
    console.error(`slipway: cannot start ${node}: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    for (const name of signals) process.removeListener(name, forward);
    process.kill(process.pid, signal);
  });
}

function refuse() {
  console.error(
    `slipway: this is Node ${process.versions.node}; Slipway needs Node ${wanted.join(".")} or newer.\n` +
      "Install it from https://nodejs.org, or put one beside Slipway with: npm install node@24",
  );
  process.exit(1);
}

if (isRecentEnough(process.versions.node)) {
  // Compiled code is kept between starts, in the folder for temporary files.
  if (nodeModule.enableCompileCache) nodeModule.enableCompileCache();
  import(pathToFileURL(program()).href).catch((error) => {
    console.error(error);
    process.exit(1);
  });
} else {
  const node = process.env.SLIPWAY_BUNDLED_NODE === undefined ? bundledNode() : undefined;
  if (node === undefined) refuse();
  else runOn(node);
}
