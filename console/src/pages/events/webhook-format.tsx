import { Chip } from "../../parts/chip.tsx";

/** How deliveries look, as people call it. */
export const webhookFormats = [
  { id: "standard", label: "Standard", note: "Standard Webhooks: what happened as JSON, signed so that the receiver can check it." },
  { id: "mlflow", label: "MLflow", note: "What receivers of MLflow's webhooks understand: entity, action and data, signed as MLflow does." },
] as const;

/** A format that a later server has is shown under its own name. */
export function FormatChip({ format }: { format: string }) {
  const known = webhookFormats.find(({ id }) => id === format);
  return <Chip title={known?.note}>{known?.label ?? format}</Chip>;
}

/** What MLflow's format calls its events, such as `model_version.created`; empty for other formats. */
export function toldAs(detail: Readonly<Record<string, unknown>> | null): string {
  const { events } = detail ?? {};
  if (!Array.isArray(events)) return "";
  return events.map((pair: unknown) => {
    const { entity, action } = (pair ?? {}) as { entity?: unknown; action?: unknown };
    return `${String(entity)}.${String(action)}`;
  }).join(", ");
}
