/** What can be done with a panel. */

import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { hasOwnSettings, streamOf, withoutOwnSettings, withPinTurned, withSettings, withSize } from "../../state/panels";
import { pythonCode, sqlCode, type CodeOf } from "./code_text";
import { saveCsv, savePng, saveSvg, type Shown } from "./exports";
import { usePanels } from "./panels_context";
import { MenuItem, Popover } from "./Popover";
import { SettingsForm } from "./SettingsForm";

type Page = "actions" | "settings" | "code";

const DEFAULT_HEIGHT_PX = 240;

export type PanelMenuProps = {
  readonly panelKey: string;
  readonly shown: () => Shown | null;
  readonly isTable: boolean;
  readonly onTable: () => void;
  readonly onFull: () => void;
};

export function PanelMenu(props: PanelMenuProps): JSX.Element {
  return (
    <Popover label={`Menu of ${props.panelKey}`} face={<span aria-hidden="true">⋯</span>}>
      {(close) => <Pages {...props} leave={close} />}
    </Popover>
  );
}

/** What can be done, and what of it needs more room. */
function Pages(props: PanelMenuProps & { readonly leave: () => void }): JSX.Element {
  const [page, setPage] = useState<Page>("actions");
  if (page === "settings") return <OwnSettings panelKey={props.panelKey} onBack={() => setPage("actions")} />;
  if (page === "code") return <CodeText panelKey={props.panelKey} onBack={() => setPage("actions")} />;
  return <Actions {...props} go={setPage} />;
}

function Actions(props: PanelMenuProps & { readonly leave: () => void; readonly go: (page: Page) => void }): JSX.Element {
  const { model, theme } = usePanels();
  const { panelKey, leave } = props;
  const isPinned = (model.source.settings.value.pinned ?? []).includes(panelKey);
  const save = (write: (shown: Shown) => void): void => {
    const shown = props.shown();
    if (shown !== null) write(shown);
    leave();
  };
  return (
    <>
      <MenuItem onChoose={() => props.go("settings")}>Settings of this panel…</MenuItem>
      <MenuItem onChoose={() => { model.change((state) => withPinTurned(state, panelKey)); leave(); }}>
        {isPinned ? "Unpin" : "Pin on top"}
      </MenuItem>
      <MenuItem onChoose={() => { leave(); props.onFull(); }}>Full screen</MenuItem>
      <MenuItem onChoose={() => { props.onTable(); leave(); }}>{props.isTable ? "As a chart" : "As a table"}</MenuItem>
      <Sizes panelKey={panelKey} />
      <hr />
      <MenuItem onChoose={() => save((shown) => savePng(shown, theme.peek()))}>Save as PNG</MenuItem>
      <MenuItem onChoose={() => save((shown) => saveSvg(shown, theme.peek()))}>Save as SVG</MenuItem>
      <MenuItem onChoose={() => save(saveCsv)}>Save what is drawn as CSV</MenuItem>
      <MenuItem onChoose={() => props.go("code")}>The Python and SQL of all rows…</MenuItem>
    </>
  );
}

function Sizes(props: { readonly panelKey: string }): JSX.Element {
  const { model } = usePanels();
  const { columnCount = 1, heightPx = DEFAULT_HEIGHT_PX } = model.source.settings.value.sizes?.[props.panelKey] ?? {};
  const set = (columns: number, height: number): void => {
    const size = { columnCount: Math.min(6, Math.max(1, columns)), heightPx: Math.min(1600, Math.max(140, height)) };
    const isDefault = size.columnCount === 1 && size.heightPx === DEFAULT_HEIGHT_PX;
    model.change((state) => withSize(state, props.panelKey, isDefault ? null : size));
  };
  return (
    <div class="menu-row" role="group" aria-label="Size">
      <span>Size</span>
      <button type="button" class="tool" aria-label="Narrower" onClick={() => set(columnCount - 1, heightPx)}>←</button>
      <button type="button" class="tool" aria-label="Wider" onClick={() => set(columnCount + 1, heightPx)}>→</button>
      <button type="button" class="tool" aria-label="Lower" onClick={() => set(columnCount, heightPx - 60)}>↑</button>
      <button type="button" class="tool" aria-label="Higher" onClick={() => set(columnCount, heightPx + 60)}>↓</button>
    </div>
  );
}

function OwnSettings(props: { readonly panelKey: string; readonly onBack: () => void }): JSX.Element {
  const { model } = usePanels();
  const { panelKey } = props;
  const { source, numberKeys } = model;
  return (
    <>
      <MenuItem onChoose={props.onBack}>‹ Settings of this panel</MenuItem>
      <SettingsForm settings={model.settingsOf(panelKey)} isGrouped={source.groupBy.value.length > 0} keys={numberKeys.value}
        onChange={(change) => model.change((state) => withSettings(state, panelKey, change))}>
        {hasOwnSettings(source.settings.value, panelKey) && (
          <button type="button" class="tool" onClick={() => model.change((state) => withoutOwnSettings(state, panelKey))}>
            As all panels
          </button>
        )}
      </SettingsForm>
    </>
  );
}

function CodeText(props: { readonly panelKey: string; readonly onBack: () => void }): JSX.Element {
  const { model } = usePanels();
  const { entity, project, runIds, filters, settings } = model.source;
  const of: CodeOf = {
    entity, project, key: props.panelKey, stream: streamOf(settings.value), runs: runIds.value, filters: filters.value,
  };
  return (
    <>
      <MenuItem onChoose={props.onBack}>‹ All rows, in code</MenuItem>
      <CodeBlock name="Python" text={pythonCode(of)} />
      <CodeBlock name="SQL" text={sqlCode(of)} />
    </>
  );
}

function CodeBlock(props: { readonly name: string; readonly text: string }): JSX.Element {
  const [isCopied, setCopied] = useState(false);
  const text = useRef<HTMLPreElement>(null);
  const copy = (): void => {
    // Browsers lend the clipboard to https and to this machine only; elsewhere the text is chosen, to be copied by hand.
    if (navigator.clipboard === undefined) getSelection()?.selectAllChildren(text.current!);
    else void navigator.clipboard.writeText(props.text).then(() => setCopied(true));
  };
  return (
    <div class="code-block">
      <div class="menu-row">
        <span>{props.name}</span>
        <button type="button" class="tool" onClick={copy}>{isCopied ? "Copied" : "Copy"}</button>
      </div>
      <pre ref={text} tabIndex={0}>{props.text}</pre>
    </div>
  );
}
