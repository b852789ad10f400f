/** Lines of a terminal as pieces of text with colours: the SGR sequences of ECMA-48, section 8.3.117. */

/** Colours are an index of the 16 of a terminal, or `#rrggbb`. */
export type Style = {
  readonly ink: number | string | null;
  readonly ground: number | string | null;
  readonly isBold: boolean;
  readonly isFaint: boolean;
  readonly isItalic: boolean;
  readonly isUnderlined: boolean;
  readonly isStruck: boolean;
  readonly isSwapped: boolean;
};
export type Piece = { readonly text: string; readonly style: Style };

export const PLAIN: Style = {
  ink: null,
  ground: null,
  isBold: false,
  isFaint: false,
  isItalic: false,
  isUnderlined: false,
  isStruck: false,
  isSwapped: false,
};

// In this order: SGR; other CSI; OSC up to its end (BEL or ST); short escapes; what else does not print.
const ESCAPE =
  /\x1b\[([0-9;:]*)m|\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|[\x00-\x08\x0b-\x1f\x7f]/g;

/** The pieces of one line; sequences that move a cursor or name a window are left out. */
export function ansiPieces(line: string): Piece[] {
  const pieces: Piece[] = [];
  let style = PLAIN;
  let at = 0;
  const push = (end: number): void => {
    if (end > at) {
      pieces.push({ text: line.slice(at, end), style });
    }
  };
  for (const found of line.matchAll(ESCAPE)) {
    push(found.index);
    at = found.index + found[0].length;
    if (found[1] !== undefined) {
      style = styled(style, found[1]);
    }
  }
  push(line.length);
  return pieces;
}

/** The text of a line as it is read: without any sequence. */
export function plainText(line: string): string {
  return line.replace(ESCAPE, "");
}

const FLAGS: Readonly<Record<number, Partial<Style>>> = {
  1: { isBold: true },
  2: { isFaint: true },
  3: { isItalic: true },
  4: { isUnderlined: true },
  7: { isSwapped: true },
  9: { isStruck: true },
  22: { isBold: false, isFaint: false },
  23: { isItalic: false },
  24: { isUnderlined: false },
  27: { isSwapped: false },
  29: { isStruck: false },
  39: { ink: null },
  49: { ground: null },
};

function styled(style: Style, sequence: string): Style {
  const codes = sequence.split(/[;:]/).map((code) => (code === "" ? 0 : Number(code)));
  let found = style;
  for (let i = 0; i < codes.length; i += 1) {
    const code = codes[i] ?? 0;
    if (code === 0) {
      found = PLAIN;
    } else if (code === 38 || code === 48) {
      const [colour, width] = extendedColour(codes, i + 1);
      found = { ...found, [code === 38 ? "ink" : "ground"]: colour };
      i += width;
    } else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) {
      found = { ...found, ink: code >= 90 ? code - 82 : code - 30 };
    } else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107)) {
      found = { ...found, ground: code >= 100 ? code - 92 : code - 40 };
    } else {
      found = { ...found, ...FLAGS[code] };
    }
  }
  return found;
}

/** The colour behind 38 or 48, and how many codes it takes: `5;n`, or `2;r;g;b`. */
function extendedColour(codes: readonly number[], at: number): readonly [number | string | null, number] {
  if (codes[at] === 5) {
    return [colourOfIndex(codes[at + 1] ?? 0), 2];
  }
  if (codes[at] === 2) {
    return [hex(codes[at + 1] ?? 0, codes[at + 2] ?? 0, codes[at + 3] ?? 0), 4];
  }
  return [null, 1];
}

/** One of the 256: the 16 of the terminal, a cube of 6 × 6 × 6, 24 greys. */
function colourOfIndex(index: number): number | string {
  if (index < 16) {
    return index;
  }
  if (index >= 232) {
    const grey = 8 + 10 * (index - 232);
    return hex(grey, grey, grey);
  }
  const level = (part: number): number => (part === 0 ? 0 : 55 + 40 * part);
  const cube = index - 16;
  return hex(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

function hex(...parts: readonly number[]): string {
  return `#${parts.map((part) => Math.min(255, Math.max(0, part)).toString(16).padStart(2, "0")).join("")}`;
}
