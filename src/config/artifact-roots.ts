import { resolve } from "node:path";
import type { z } from "zod";
import { isLocalLocation, isWithin, localPathOf } from "../core/local-path.ts";

interface Settings {
  data: string;
  artifacts?: string | undefined;
  artifactRoots: readonly string[];
  defaultArtifactRoot: string;
}

/**
 * Judges the folders that clients share with the server: absolute ones, neither the whole disk nor anything that touches the server's own files. A default
 * root on a disk lies below one of them, and any default root is a place to which an experiment's id can be added.
 */
export function judgeArtifactRoots({ data, artifacts, artifactRoots, defaultArtifactRoot }: Settings, context: z.RefinementCtx): void {
  const refuse = (setting: keyof Settings, message: string): void => context.addIssue({ code: "custom", path: [setting], message });
  const own = [data, artifacts ?? data].map((folder) => resolve(folder));
  const roots: string[] = [];
  for (const given of artifactRoots) {
    const root = given.startsWith("/") && !given.includes("%") && !given.split("/").includes("..") ? localPathOf(given) : null;
    if (root === null || root === "/") refuse("artifactRoots", `${JSON.stringify(given.slice(0, 200))} is no absolute path of a folder, such as /mnt/ml`);
    else if (own.some((folder) => isWithin(root, folder) || isWithin(folder, root))) refuse("artifactRoots", `${JSON.stringify(given.slice(0, 200))} and the server's own files lie in each other: keep them apart`);
    else roots.push(root);
  }
  if (/[?#\p{Cc}]/u.test(defaultArtifactRoot)) return refuse("defaultArtifactRoot", "has a query, a fragment or a control character");
  if (/(^|[/\\])\.\.([/\\]|$)|%2e%2e/i.test(defaultArtifactRoot)) return refuse("defaultArtifactRoot", "has a .. in it");
  const path = localPathOf(defaultArtifactRoot);
  if (isLocalLocation(defaultArtifactRoot) && (path === null || !roots.some((root) => isWithin(root, path)))) {
    refuse("defaultArtifactRoot", "is a place of this machine's disk: such a one is absolute and lies below one of the folders of SLIPWAY_ARTIFACT_ROOTS");
  }
}
