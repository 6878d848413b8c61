import { Link } from "wouter";
import { apiPath } from "../../data/api.ts";
import { useTick } from "../../data/live.ts";
import { useQuery } from "../../data/query.ts";
import { useResource } from "../../data/resource.ts";
import type { LoggedTensor, ModelDetail, Prediction } from "../../data/types.ts";
import { formatCount, formatMs } from "../../format.ts";
import { OutcomeChip } from "../../parts/chip.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Pager } from "../../parts/pager.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import { tensorWords } from "../../parts/tensor-view.tsx";
import { Time } from "../../parts/time.tsx";
import type { ModelTabProps } from "../model/model-page.tsx";
import { VersionSelect } from "../model/version-select.tsx";

const pageSize = 50;

export function PredictionsTab({ detail }: ModelTabProps) {
  const query = useQuery();
  const version = query.get("version");
  const outcome = query.get("outcome");
  const before = query.get("before");
  const { name } = detail.model;

  const parameters = new URLSearchParams({ limit: String(pageSize) });
  if (version !== null) parameters.set("version", version);
  if (outcome === "ok" || outcome === "error") parameters.set("outcome", outcome);
  if (before !== null) parameters.set("before", before);
  const predictions = useResource<{ predictions: Prediction[] }>(`${apiPath`/api/models/${name}/predictions`}?${parameters}`);
  return (
    <>
      <div className="toolbar">
        <Segmented
          label="Outcome" value={outcome === "ok" || outcome === "error" ? outcome : ""} options={[{ id: "", label: "All" }, { id: "ok", label: "Answered" }, { id: "error", label: "Failed" }]}
          onChange={(id) => query.set({ outcome: id, before: null })}
        />
        <VersionSelect detail={detail} value={version} all="All" />
        {before === null && <NewerButton key={parameters.toString()} model={name} fetchedAt={predictions.fetchedAt} pending={predictions.pending} onShow={predictions.reload} />}
      </div>
      <ResourceView resource={predictions} lines={12}>
        {({ predictions: rows }) => (rows.length === 0 ? <NoPredictions name={name} filtered={version !== null || outcome !== null} paged={before !== null} /> : <PredictionsTable rows={rows} detail={detail} />)}
      </ResourceView>
      <Pager older={rowsOf(predictions.data).length === pageSize ? rowsOf(predictions.data).at(-1)!.id : null} />
    </>
  );
}

function rowsOf(data: { predictions: Prediction[] } | undefined): readonly Prediction[] {
  return data?.predictions ?? [];
}

function PredictionsTable({ rows, detail }: { rows: readonly Prediction[]; detail: ModelDetail }) {
  const signatureOf = (prediction: Prediction) => detail.versions.find(({ version }) => version === prediction.version)?.contract.signature;
  const columns: Column<Prediction>[] = [
    {
      label: "Time", kind: "name", className: "nowrap",
      cell: ({ id, time }) => <Link href={`/predictions/${id}`} className="row-link" aria-label={`Prediction ${id}`}><Time at={time} /></Link>,
    },
    { label: "Inputs", className: "cell-values", cell: (prediction) => tensorsWords(prediction.inputs, signatureOf(prediction)?.inputs) },
    { label: "Outputs", className: "cell-values", cell: (prediction) => tensorsWords(prediction.outputs, signatureOf(prediction)?.outputs) },
    { label: "Rows", kind: "number", cell: (prediction) => formatCount(prediction.rows) },
    { label: "Latency", kind: "number", cell: ({ timing }) => formatMs(timing.totalUs / 1000) },
    { label: "Version", cell: ({ version }) => `v${version}` },
    { label: "Outcome", cell: ({ outcome }) => <OutcomeChip outcome={outcome} /> },
  ];
  return <div className="panel panel-table"><RowsTable columns={columns} rows={rows} rowKey={({ id }) => id} className="predictions-table" /></div>;
}

function tensorsWords(tensors: readonly LoggedTensor[], specs: readonly { name: string; columns?: string[] | undefined }[] | undefined): string {
  return tensors
    .slice(0, 8)
    .map((tensor) => {
      const words = tensorWords(tensor, specs?.find((spec) => spec.name === tensor.name)?.columns);
      return tensors.length > 1 && tensor.data !== null && (tensor.data.length === 1 || (tensor.shape.at(-1) ?? 1) === 1) ? `${tensor.name} ${words}` : words;
    })
    .join(" · ");
}

/** Rows never move under the pointer: what is newer waits until it is asked for. */
function NewerButton({ model, fetchedAt, pending, onShow }: { model: string; fetchedAt: number; pending: boolean; onShow: () => void }) {
  const tick = useTick();
  const traffic = tick?.models.some((figures) => figures.model === model && figures.requestsPerSecond > 0) ?? false;
  const newer = traffic && tick !== null && fetchedAt > 0 && tick.time > fetchedAt + 1500;
  return (
    <button type="button" className={newer ? "button button-accent" : "button"} onClick={onShow} disabled={pending}>
      <Icon name="reload" /> {newer ? "Show newer" : "Reload"}
    </button>
  );
}

function NoPredictions({ name, filtered, paged }: { name: string; filtered: boolean; paged: boolean }) {
  if (paged) return <EmptyState title="That was the oldest one" />;
  if (filtered) return <EmptyState title="No prediction matches"><p>Choose another outcome or version above.</p></EmptyState>;
  return (
    <EmptyState title="No predictions yet" command={`curl ${location.origin}/v2/models/${name}`}>
      <p>
        Every request is logged with its inputs, outputs and timing. <Link href={`/models/${name}/try`}>Try the model</Link> to see the first one, or ask what it takes and send it traffic:
      </p>
    </EmptyState>
  );
}
