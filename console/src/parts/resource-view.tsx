import type { ReactNode } from "react";
import type { Resource } from "../data/resource.ts";
import { ErrorBox, StaleNote } from "./error-box.tsx";

/** Grey bars where content will be; they appear only after a moment, so that a fast answer never flickers. */
export function Skeleton({ lines = 4 }: { lines?: number }) {
  return (
    <div className="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} />
      ))}
    </div>
  );
}

/** A resource in each of its states: loading, refused, there, and there but not fresh. */
export function ResourceView<Data>({ resource, lines, children }: { resource: Resource<Data>; lines?: number; children: (data: Data) => ReactNode }) {
  const { data, error, reload } = resource;
  if (data === undefined) return error === undefined ? <Skeleton {...(lines === undefined ? {} : { lines })} /> : <ErrorBox error={error} retry={reload} />;
  return (
    <>
      {error !== undefined && <StaleNote error={error} retry={reload} />}
      {children(data)}
    </>
  );
}
