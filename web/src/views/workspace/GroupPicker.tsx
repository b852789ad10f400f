/** By what the runs are grouped, and which aggregate the columns of a group show. */

import type { JSX } from "preact";
import { nearest, searchedName } from "../../state/usual_columns";
import type { GroupAggregate } from "../../state/view";
import { Completion } from "../parts/Completion";
import { counted } from "../parts/format";
import { Icon } from "../parts/Icon";
import { ColumnName } from "./ColumnPicker";
import { useWorkspace } from "./context";

const MOST_CHOICES = 50;
const AGGREGATES: readonly (readonly [GroupAggregate, string])[] = [
  ["mean", "Mean"],
  ["min", "Lowest"],
  ["max", "Highest"],
  ["std", "Standard deviation"],
  ["count", "How many have it"],
];

export function GroupPicker(): JSX.Element {
  const { workspace } = useWorkspace();
  const { groupBy, aggregate } = workspace.view.value;
  const known = workspace.runs.columnList.value ?? [];
  const others = known.filter(({ name }) => !groupBy.includes(name) && name !== "name" && name !== "run_id");
  return (
    <div class="group-picker">
      <Completion
        label="Group by"
        placeholder="Group by…"
        isCleared
        isAlwaysOpen
        choicesFor={(text) =>
          nearest(text, others, ({ name }) => searchedName(name), MOST_CHOICES)
            .toSorted((one, other) => (text === "" ? Number(other.name.startsWith("config.")) - Number(one.name.startsWith("config.")) : 0))
            .map(({ name, run_count }) => ({ value: name, label: <ColumnName name={name} />, hint: counted(run_count, "run") }))
        }
        onTake={(name) => workspace.change({ groupBy: [...groupBy, name], openGroups: [] }, "Grouped the runs")}
      />
      {groupBy.length > 0 && (
        <>
          <ul class="chips">
            {groupBy.map((name) => (
              <li key={name} class="chip">
                <span class="chip-text">
                  <ColumnName name={name} />
                </span>
                <button type="button" class="chip-close" aria-label={`No longer group by ${name}`} onClick={() => workspace.change({ groupBy: groupBy.filter((one) => one !== name), openGroups: [] }, "Grouped the runs otherwise")}>
                  <Icon name="close" />
                </button>
              </li>
            ))}
          </ul>
          <label class="labelled">
            Columns show
            <select class="field" value={aggregate} onChange={(event) => workspace.change({ aggregate: event.currentTarget.value as GroupAggregate })}>
              {AGGREGATES.map(([value, title]) => (
                <option key={value} value={value}>
                  {title}
                </option>
              ))}
            </select>
          </label>
        </>
      )}
    </div>
  );
}
