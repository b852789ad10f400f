/** Small pictures, drawn in the colour of the text around them. */

import type { JSX } from "preact";

const PATHS = {
  eye: "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8ZM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z",
  eyeOff: "M2 2l12 12M6.2 3.8A6 6 0 0 1 8 3.5c4 0 6.5 4.5 6.5 4.5a11 11 0 0 1-2 2.5M9.6 12.2a6 6 0 0 1-1.6.3C4 12.5 1.5 8 1.5 8a11 11 0 0 1 2.3-2.8",
  pin: "M9.5 1.5l5 5-2 .5-2.5 2.5-.5 3.500-5-5 3.500-.5L9 3.500zM7 9l-5 5",
  baseline: "M2 12.500h12M2 8h3l2-4 3 6 1.500-2H14",
  close: "M3.500 3.500l9 9M12.500 3.500l-9 9",
  plus: "M8 2.500v11M2.500 8h11",
  down: "M4 6l4 4 4-4",
  right: "M6 4l4 4-4 4",
  up: "M4 10l4-4 4 4",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.600 10.600L14 14",
  filter: "M2 3h12l-4.500 5.500V13l-3-1.500v-3z",
  group: "M2 3.500h12M5 8h9M5 12.500h9",
  columns: "M2 3h12v10H2zM6 3v10M10 3v10",
  trash: "M2.500 4h11M6 4V2.500h4V4M4 4l.7 9.500h6.600L12 4",
  edit: "M10.500 2.500l3 3L6 13H3v-3z",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13.500 9.500A6 6 0 0 1 6.500 2.500 6 6 0 1 0 13.500 9.500z",
  help: "M8 14.500a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM6 6.200a2 2 0 1 1 2.800 1.900c-.5.200-.8.500-.8 1.200M8 11.300v.2",
  person: "M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.500 14a5.500 5.500 0 0 1 11 0",
  save: "M3 2.500h8l2.500 2.500v8.500H2.500v-11zM5 2.500v4h5v-4M5 13.500V9.500h6v4",
  table: "M2 3h12v10H2zM2 6.500h12M2 10h12",
  charts: "M2 2v12h12M4.500 10l3-4 2.500 2.500L14 4",
  split: "M2 3h12v10H2zM7 3v10",
  pause: "M5 3v10M11 3v10",
  play: "M4 2.500l9 5.500-9 5.500z",
  follow: "M8 2v9M4 7.500L8 11.500l4-4M3 14h10",
  check: "M3 8.500l3.500 3.500L13 4.500",
  compare: "M6 2v12M10 2v12M2 5h4M10 11h4",
  more: "M3 8h.1M8 8h.1M13 8h.1",
  tag: "M2 2.500h5.500L14 9l-5 5-6.500-6.500zM5 5.500h.1",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
