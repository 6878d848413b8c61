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
