/** The last, lowest or highest value of a key, a bar a run. */

import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { KeyLines } from "../../state/key_lines";
import type { AddedPanel } from "../../state/panels";
import type { Picture } from "./exports";
import { PanelMessage } from "./PanelMessage";
import { usePanels } from "./panels_context";
import { RunBars } from "./RunBars";

const VALUES = { last: "last", min: "lowest", max: "highest" } as const;

export function BarPanel(props: { readonly panel: AddedPanel & { kind: "bar" }; readonly picture: { current: Picture | null } }): JSX.Element {
  const { panel, picture: saved } = props;
  const { model } = usePanels();
  const lines = useMemo(() => new KeyLines(model, panel.key), [model, panel.key]);
  useEffect(() => {
    // The values come with lines of any width: the narrowest ones will do.
    lines.widthPx.value = 100;
    lines.start();
    return () => lines.stop();
  }, [lines]);
  const picture = lines.picture.value;
  const bars = picture.lines.map(({ id, name, colour, series }) => ({ id, name, colour, value: series[VALUES[panel.value]] }));
  return (
    <>
      <RunBars label={`${VALUES[panel.value]} value of ${panel.key} by run`} bars={bars} picture={saved} />
      <PanelMessage picture={picture} panelKey={panel.key} />
    </>
  );
}
