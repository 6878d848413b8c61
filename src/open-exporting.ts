import { stat } from "node:fs/promises";
import { OnnxInspector } from "./adapters/onnx/onnx-inspector.ts";
import { OnnxRuntime } from "./adapters/onnx/onnx-runtime.ts";
import { uploadedFiles } from "./adapters/python/uploaded-model.ts";
import { requireInTeam, type Caller } from "./core/caller.ts";
import type { Logger } from "./core/logger.ts";
import { AppError } from "./core/errors.ts";
import { requireOn } from "./core/request-gate.ts";
import { exportWorkflow, type ExportSource, type LocatedModel, type OriginalModel, type OriginalModels } from "./exporting/index.ts";
import type { OpenedModels } from "./open-models.ts";
import type { OpenedTracking } from "./open-tracking.ts";
import { requireBlob, type Artifact, type BlobOwners, type BlobStore, type ModelVersion, type RegistryService } from "./registry/index.ts";
import { nameOfPlace, placeBelow, type ArtifactPlace, type LoggedModel, type Run } from "./tracking/index.ts";
import type { WorkflowDefinition } from "./workflows/index.ts";

interface Parts {
  models: Pick<OpenedModels, "converter" | "reader">;
  tracking: OpenedTracking;
  registry: RegistryService;
  blobs: BlobStore;
  owners: BlobOwners;
  /** Of the processes that read and run what came out. */
  onnx: { logger: Logger; environment: Readonly<Record<string, string>>; intraOpThreads: number };
  /** Who started a run of a workflow. */
  ownerOf(run: string): Promise<string>;
}

export interface OpenedExporting {
  definition: WorkflowDefinition;
  originals: OriginalModels;
}

/** Exports to ONNX: the workflow, and what finds the models. */
export function openExporting(parts: Parts): OpenedExporting {
  const { models, blobs, owners, onnx, ownerOf } = parts;
  const originals = new KeptModels(parts);
  return {
    originals,
    definition: exportWorkflow({
      originals, blobs, ownerOf, converter: models.converter, inspector: new OnnxInspector(onnx), onnx: new OnnxRuntime(onnx),
      noteUpload: (digest, actor, now) => owners.noteUpload(digest, actor, now),
    }),
  };
}

/** Models among what was uploaded, logged and registered. */
class KeptModels implements OriginalModels {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async locate(source: ExportSource, { caller, team }: Parameters<OriginalModels["locate"]>[1]): Promise<LocatedModel> {
    const located = "uri" in source ? await this.#named(source.uri, caller) : await this.#uploaded(source, caller, team);
    if (located.files.length === 0) throw noModel("There are no files at this address.");
    return located;
  }

  async read(located: LocatedModel): Promise<OriginalModel & { notes: readonly string[] }> {
    const { files, registered } = located;
    if (registered !== undefined) {
      const { python, signature } = registered;
      return { files, python, signature, example: signature.inputExample ?? null, bringsExample: isFolder(python), batchable: signature.batchable, notes: [] };
    }
    const found = await this.#parts.models.reader.read(files);
    if (found === null) throw noModel("What is there is no model: neither an MLmodel file nor a model of a known kind.");
    if (found.runtime.kind === "onnx") throw noModel(`The model is in ONNX already: its file is ${found.runtime.file.path}.`);
    if (found.runtime.kind !== "python") throw noModel("The model is none of Python.");
    if (found.signature === null) throw noModel("The model does not say what it takes.");
    const { signature, example, batchable } = found;
    const { python } = found.runtime;
    // Notes on the pickle and on the signature are for whoever serves the original.
    return { files, python, signature, example, bringsExample: isFolder(python), batchable, notes: [] };
  }

  async #uploaded({ artifact, fileName }: { artifact: string; fileName: string }, caller: Caller, team: string): Promise<LocatedModel> {
    const { blobs, owners } = this.#parts;
    requireInTeam(caller, "deployer", team);
    await requireBlob(owners, caller, artifact);
    const path = await blobs.verifiedPath(artifact);
    const files = await uploadedFiles({ digest: artifact, bytes: (await stat(path)).size, fileName, path }, blobs);
    if (files === null) throw noModel(`${fileName.slice(0, 100)} is not a kind of model file that is known.`);
    return { name: plainName(fileName.replace(/\.[A-Za-z0-9]+$/, "")), team, files };
  }

  async #named(uri: string, caller: Caller): Promise<LocatedModel> {
    const logged = /^models:\/+(m-[0-9a-f]{32})\/?$/.exec(uri)?.[1];
    if (logged !== undefined) return this.#logged(logged, caller);
    const version = /^models:\/+([^/@]+)(?:\/([^/@]+)|@([^/@]+))$/.exec(uri);
    if (version !== null) return this.#version(version[1]!, version[2], version[3], caller);
    const ofRun = /^(?:runs:\/+)?([0-9a-f]{32})(?:\/(.*))?$/.exec(uri);
    if (ofRun !== null) return this.#ofRun(ofRun[1]!, (ofRun[2] ?? "").replace(/\/+$/, ""), caller);
    throw new AppError("INVALID_REQUEST", `${JSON.stringify(uri.slice(0, 200))} is no address of a model here: give runs:/RUN/PATH, the id of a run, models:/NAME/VERSION, models:/NAME@ALIAS or models:/m-ID.`);
  }

  async #version(model: string, number: string | undefined, alias: string | undefined, caller: Caller): Promise<LocatedModel> {
    const { registry } = this.#parts;
    const team = await registry.teamOf(model);
    requireOn(caller, "deployer", { kind: "model", name: model, team });
    const asAlias = alias ?? (number === "latest" ? number : undefined);
    const found: ModelVersion = asAlias === undefined ? await registry.catalog.version(caller, model, number!) : await registry.catalog.versionByAlias(caller, model, asAlias);
    const { runtime, signature } = found.contract;
    if (runtime.kind === "onnx") throw noModel(`Version ${found.version} of ${model} is in ONNX already.`);
    if (runtime.python === undefined) throw noModel(`Version ${found.version} of ${model} has nothing that can run here.`);
    return { name: plainName(`${model}-${found.version}`), team: team!, files: runtime.artifacts, registered: { python: runtime.python, signature } };
  }

  async #logged(id: string, caller: Caller): Promise<LocatedModel> {
    const { access, models } = this.#parts.tracking;
    await access.requireModel(caller, "deployer", id);
    return this.#loggedFiles(await models.model(caller, id), caller);
  }

  /** Clients of today keep a model beside its run, older ones among the run's artifacts. */
  async #ofRun(id: string, path: string, caller: Caller): Promise<LocatedModel> {
    const { access, tracking, artifacts } = this.#parts.tracking;
    await access.requireRun(caller, "deployer", id);
    const run = await tracking.run(caller, id);
    const place = artifacts.placeOf(run, path);
    if (path !== "" && place !== null && (await artifacts.walk(caller, place)).length > 0) return this.#artifacts(place, path, run, caller);
    const logged = await this.#loggedBy(run, caller);
    const named = path === "" ? logged : logged.filter(({ name }) => name === path);
    if (named.length === 1) return this.#loggedFiles(named[0]!, caller);
    if (path !== "") throw noModel(`The run has no model at ${JSON.stringify(path.slice(0, 200))}.`);
    const root = artifacts.placeOf(run);
    const folders = root === null ? [] : (await artifacts.walk(caller, root)).flatMap((entry) => (/(?:^|\/)MLmodel$/.test(entry.path) ? [entry.path.replace(/\/?MLmodel$/, "")] : []));
    if (named.length === 0 && folders.length === 1) return this.#artifacts(placeBelow(root!, folders[0]!), folders[0]!, run, caller);
    const choices = [...named.map(({ id: model }) => `models:/${model}`), ...folders.map((folder) => `runs:/${id}/${folder}`)];
    throw noModel(choices.length === 0 ? "The run has no model." : `The run has ${choices.length} models: name one of ${choices.slice(0, 10).join(", ")}.`);
  }

  async #loggedBy(run: Run, caller: Caller): Promise<LoggedModel[]> {
    const found: LoggedModel[] = [];
    for (const { model } of run.modelOutputs) found.push(await this.#parts.tracking.models.model(caller, model));
    return found;
  }

  async #loggedFiles(model: LoggedModel, caller: Caller): Promise<LocatedModel> {
    const place = this.#parts.tracking.artifacts.placeOf(model);
    if (place === null) throw noModel("The files of the model are not kept here.");
    return { name: plainName(model.name), team: await this.#teamOf(model.experiment), files: await this.#files(place, caller) };
  }

  async #artifacts(place: ArtifactPlace, path: string, run: Run, caller: Caller): Promise<LocatedModel> {
    return { name: plainName(path.split("/").at(-1)!.replace(/\.[A-Za-z0-9]+$/, "") || run.name), team: await this.#teamOf(run.experiment), files: await this.#files(place, caller) };
  }

  async #files(place: ArtifactPlace, caller: Caller): Promise<Artifact[]> {
    const { artifacts } = this.#parts.tracking;
    const files: Artifact[] = [];
    for (const { path } of await artifacts.walk(caller, place)) {
      files.push({ path: path === "" ? nameOfPlace(place) : path, ...(await this.#parts.blobs.put(await artifacts.read(caller, placeBelow(place, path)))) });
    }
    return files;
  }

  async #teamOf(experiment: string): Promise<string> {
    return (await this.#parts.tracking.access.teamOf(experiment)) ?? "default";
  }
}

/** MLflow's folders have examples of their own; a bare file was tried with values that were made up. */
function isFolder({ entry }: { entry: string }): boolean {
  return entry === "MLmodel";
}

function noModel(message: string): AppError {
  return new AppError("EXPORT_FAILED", message);
}

/** For the name of a file. */
function plainName(name: string): string {
  return name.replaceAll(/[^\w.-]+/g, "-").replace(/^[.-]+/, "").slice(0, 100) || "model";
}
