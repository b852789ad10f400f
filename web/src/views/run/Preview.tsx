/** A look into a file: what it holds as far as this can be shown safely, else a download. */

import type { JSX } from "preact";
import { readCsv } from "../../drawing/read_csv";
import { readJson, writeJson } from "../../wire/json";
import { fetchText } from "../../wire/run";
import { formatBytes } from "../parts/format";
import { Icon } from "../parts/Icon";
import { Problem } from "../parts/Problem";
import { plainText } from "../../drawing/ansi";
import { useLoaded } from "../parts/use_loaded";

const TEXT_LIMIT_BYTES = 512_000;
const TABLE_ROWS = 500;

const IMAGES = /\.(png|jpe?g|gif|webp|bmp|avif|svg)$/i;
const AUDIO = /\.(wav|mp3|ogg|flac|m4a)$/i;
const VIDEO = /\.(mp4|webm|ogv|mov)$/i;
const TABLES = /\.(csv|tsv)$/i;
const JSONS = /\.(json|jsonl|ipynb|geojson)$/i;
const BINARY = /\.(pt|pth|bin|safetensors|onnx|joblib|pkl|pickle|npy|npz|h5|keras|parquet|arrow|zip|gz|tar|bz2|xz|pb|model|glb|gltf|pdb)$/i;

export type PreviewProps = {
  readonly name: string;
  readonly address: string;
  readonly sizeBytes: number;
  readonly close: () => void;
};

export function Preview({ name, address, sizeBytes, close }: PreviewProps): JSX.Element {
  return (
    <section class="preview" aria-label={`Preview of ${name}`}>
      <header class="preview-head">
        <code>{name}</code> <span class="soft">{formatBytes(sizeBytes)}</span>
        <span class="spring" />
        <a href={address} download={name.split("/").at(-1) ?? "file"}>
          Download
        </a>
        <button type="button" class="button-icon" aria-label="Close the preview" onClick={close}>
          <Icon name="close" />
        </button>
      </header>
      <Content name={name} address={address} sizeBytes={sizeBytes} />
    </section>
  );
}

function Content({ name, address, sizeBytes }: Omit<PreviewProps, "close">): JSX.Element {
  if (sizeBytes === 0) {
    return <p class="soft preview-note">The file is empty.</p>;
  }
  if (IMAGES.test(name)) {
    return <img class="preview-image" src={address} alt={name} />; // an SVG in an img runs nothing and reaches nothing
  }
  if (AUDIO.test(name)) {
    return <audio class="preview-media" controls preload="metadata" src={address} />;
  }
  if (VIDEO.test(name)) {
    return <video class="preview-media" controls preload="metadata" src={address} />;
  }
  if (BINARY.test(name)) {
    return <p class="soft preview-note">There is no preview of this kind of file; download it.</p>;
  }
  return <Text name={name} address={address} />;
}

function Text({ name, address }: { readonly name: string; readonly address: string }): JSX.Element {
  const [loaded, again] = useLoaded((ask) => fetchText(address, TEXT_LIMIT_BYTES, ask), [address]);
  const { value, error } = loaded.value;
  if (value === null) {
    return error === null ? <p class="waiting">Loading…</p> : <Problem error={error} again={again} />;
  }
  const { text, isCut } = value;
  if (text.slice(0, 4096).includes("\u0000")) {
    return <p class="soft preview-note">These are not letters; download the file.</p>;
  }
  return (
    <>
      {isCut && <p class="soft preview-note">The first {formatBytes(TEXT_LIMIT_BYTES)}; the download has all of it.</p>}
      {TABLES.test(name) ? <Table rows={readCsv(text, TABLE_ROWS + 1)} /> : <pre class="code" tabIndex={0}>{shown(name, text, isCut)}</pre>}
    </>
  );
}

function shown(name: string, text: string, isCut: boolean): string {
  if (JSONS.test(name) && !isCut && !name.endsWith(".jsonl")) {
    try {
      return JSON.stringify(readJson(text), (_, value: unknown) => (typeof value === "bigint" ? writeJson(value) : value), 2);
    } catch {
      return text; // what calls itself JSON and is none is shown as it is
    }
  }
  return text.split(/\r?\n/).map(plainText).join("\n");
}

/** Rows of text, the first of them the head. */
export function Table({ rows }: { readonly rows: readonly (readonly string[])[] }): JSX.Element {
  const [head = [], ...body] = rows;
  return (
    <div class="table-scroll" tabIndex={0}>
      <table class="documents-table">
        <thead>
          <tr>
            {head.map((cell, i) => (
              <th key={i} scope="col">
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {body.slice(0, TABLE_ROWS).map((row, i) => (
            <tr key={i}>
              {row.map((cell, j) => (
                <td key={j}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {body.length >= TABLE_ROWS && <p class="soft">The first {TABLE_ROWS} rows.</p>}
    </div>
  );
}
