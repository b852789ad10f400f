/** Queries to begin with. */

import type { JSX } from "preact";
import { curvesOf, EXAMPLES, type SqlModel } from "../../state/sql";
import { apiAddress, getJson, withQuery, type Ask } from "../../wire/http";
import type { SqlPlace } from "../../wire/sql";
import { useLoaded } from "../parts/use_loaded";

type ProjectKey = { readonly key: string; readonly kind: string };
type SqlExamplesProps = { readonly model: SqlModel; readonly place: SqlPlace; readonly run: () => void };

export function SqlExamples({ model, place, run }: SqlExamplesProps): JSX.Element {
  const [loaded] = useLoaded((ask) => firstKey(place, ask), [place?.entity, place?.project]);
  const key = loaded.value.value;
  const curves = key === null || key === "" ? [] : [{ title: `Curves of ${key}`, query: curvesOf(key) }];
  return (
    <section class="sql-examples" aria-label="Examples">
      {[...EXAMPLES, ...curves].map(({ title, query }) => (
        <button
          key={title}
          type="button"
          class="sql-example"
          onClick={() => {
            model.text.value = query;
            run();
          }}
        >
          <span>{title}</span>
          <code>{query}</code>
        </button>
      ))}
    </section>
  );
}

/** A key of the project to draw; empty where there is none, or no project. */
async function firstKey(place: SqlPlace, ask: Ask): Promise<string> {
  if (place === null) {
    return "";
  }
  const address = withQuery(apiAddress("projects", place.entity, place.project, "keys"), { limit: 200 });
  const { keys } = await getJson<{ readonly keys: readonly ProjectKey[] }>(address, ask);
  const numbers = keys.filter(({ key, kind }) => kind === "number" && !key.includes("\\"));
  return (numbers.find(({ key }) => /loss/i.test(key)) ?? numbers[0])?.key ?? "";
}
