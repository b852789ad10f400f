/** The value of each run of a sweep, in the order in which they began, and the best so far as a line. */

import type { JSX } from "preact";
import { formatCount, formatNumber } from "../parts/format";
import { isNarrow } from "../parts/narrow";

const WIDE = 900;
/** Of a phone: what is written would be too small to be read in a wider picture. */
const NARROW = 360;
const HEIGHT = 200;
const LEFT = 70;
const PAD = 10;

type CourseProps = { readonly values: readonly (number | null)[]; readonly best: readonly (number | null)[]; readonly name: string };

export function Course({ values, best, name }: CourseProps): JSX.Element {
  const finite = values.filter((value): value is number => value !== null && Number.isFinite(value));
  if (finite.length === 0) {
    return <p class="soft">No run has a value of {name} yet.</p>;
  }
  const width = isNarrow.value ? NARROW : WIDE;
  const low = finite.reduce((one, other) => Math.min(one, other));
  const high = finite.reduce((one, other) => Math.max(one, other));
  const x = (place: number): number => LEFT + ((width - LEFT - PAD) * (place + 0.5)) / values.length;
  const y = (value: number): number => PAD + (HEIGHT - 2 * PAD) * (high === low ? 0.5 : (high - value) / (high - low));
  const steps = best.flatMap((value, place) => (value === null ? [] : [[x(place), y(value)] as const]));
  const path = steps.map(([px, py], i) => (i === 0 ? `M${px} ${py}` : `H${px}V${py}`)).join("");
  const missing = values.length - finite.length;
  return (
    <figure class="course">
      <svg
        viewBox={`0 0 ${width} ${HEIGHT}`}
        role="img"
        aria-label={`${name} of ${formatCount(finite.length)} runs, from ${formatNumber(low)} to ${formatNumber(high)}; the best is ${formatNumber(best.at(-1) ?? NaN)}`}
      >
        {[low, high].map((value) => (
          <g key={value}>
            <line class="course-grid" x1={LEFT} x2={width - PAD} y1={y(value)} y2={y(value)} />
            <text class="course-label" x={LEFT - 8} y={y(value) + 4}>
              {formatNumber(value)}
            </text>
          </g>
        ))}
        <path class="course-best" d={path} />
        {values.map((value, place) =>
          value !== null && Number.isFinite(value) ? (
            <circle key={place} class="course-run" cx={x(place)} cy={y(value)} r={3}>
              <title>{`run ${place + 1}: ${formatNumber(value)}`}</title>
            </circle>
          ) : null,
        )}
      </svg>
      <figcaption class="soft">
        Dots: {name} of each run, the first at the left. Line: the best so far.
        {missing > 0 && ` ${formatCount(missing)} of ${formatCount(values.length)} runs have no value yet.`}
      </figcaption>
    </figure>
  );
}
