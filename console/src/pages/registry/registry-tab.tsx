import type { ModelTabProps } from "../model/model-page.tsx";

export function RegistryTab({ detail }: ModelTabProps) {
  return <p>{detail.model.name}</p>;
}
