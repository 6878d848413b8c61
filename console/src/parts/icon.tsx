/** Line drawings on a 16-pixel grid. Decoration only: whatever carries one also has words or a label. */
const paths = {
  models: "M8 1.8 14 5v6l-6 3.2L2 11V5zM2 5l6 3.2L14 5M8 8.2v6",
  experiments: "M6 2h4M6.8 2v4L3 12.5A1.1 1.1 0 0 0 4 14h8a1.1 1.1 0 0 0 1-1.5L9.2 6V2M4.9 9.5h6.2",
  datasets: "M2.5 4c0-1.2 2.5-2 5.5-2s5.5.8 5.5 2-2.5 2-5.5 2-5.5-.8-5.5-2zM2.5 4v8c0 1.2 2.5 2 5.5 2s5.5-.8 5.5-2V4M2.5 8c0 1.2 2.5 2 5.5 2s5.5-.8 5.5-2",
  rollouts: "M1.5 12.5h3v-3h3.5v-3h3.5v-3h3M12.5 1.5l2 2-2 2",
  gateway: "M1.5 8h4M10.5 4h4M10.5 12h4M5.5 5.5h3v5h-3zM8.5 6.5l2-2.5M8.5 9.5l2 2.5",
  costs: "M8 1.5v13M11.5 4.5C10.8 3.6 9.5 3 8 3 6 3 4.5 4 4.5 5.5 4.5 9 11.5 7 11.5 10.5 11.5 12 10 13 8 13c-1.6 0-3-.7-3.7-1.7",
  folder: "M1.8 3.5h4.4l1.5 2h6.5v7.5H1.8z",
  file: "M3.5 1.8h6l3 3v9.4h-9zM9.5 1.8v3h3",
  chevronDown: "m3.5 6 4.5 4.5L12.5 6",
  traces: "M2 3h9M4.5 6.5h6M7 10h7M7 13.2h3.5",
  workflows: "M2 3.5h4v3H2zM10 3.5h4v3h-4zM10 10h4v3h-4zM6 5h4M8 5v6.5h2",
  events: "M1.5 8.5h3l2-5 3 9 2-4h3",
  settings: "M2 4.5h7M13 4.5h1M2 11.5h1M7 11.5h7M11 6.3a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6zM5 13.3a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6z",
  pause: "M5.5 3v10M10.5 3v10",
  play: "M4.5 2.8v10.4L13 8z",
  book: "M3 2.5h8.5A1.5 1.5 0 0 1 13 4v9.5H4.5A1.5 1.5 0 0 1 3 12zM3 12a1.5 1.5 0 0 1 1.5-1.5H13M6 5.5h4",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7 14 14",
  menu: "M2 4h12M2 8h12M2 12h12",
  close: "m3.5 3.5 9 9M12.5 3.5l-9 9",
  sun: "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M13 3l-1.2 1.2M4.2 11.8 3 13",
  moon: "M13.5 9.6A6 6 0 0 1 6.4 2.5 6 6 0 1 0 13.5 9.6z",
  system: "M2 3h12v8H2zM5.5 14h5M8 11v3",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  check: "m2.8 8.4 3.4 3.4 7-7.4",
  arrowRight: "M3 8h10M9 4l4 4-4 4",
  chevronRight: "m6 3.5 4.5 4.5L6 12.5",
  warning: "M8 2 14.8 13.8H1.2zM8 6.3v3.4M8 11.6v.4",
  dice: "M2.5 2.5h11v11h-11zM5.5 5.5h.01M10.5 5.5h.01M8 8h.01M5.5 10.5h.01M10.5 10.5h.01",
  reload: "M13.5 8A5.5 5.5 0 1 1 11.8 4M13.5 1.8v3h-3",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
