/** Which view an address names. All but the store and a project's runs come when they are first looked at. */

import { signal, type ReadonlySignal } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { formatHash } from "../../state/address";
import { reconnectCount } from "../../state/session";
import { Empty } from "../parts/Empty";
import { InProject, useNews } from "../parts/InProject";
import { Lazy } from "../parts/Lazy";
import { Store } from "../store/Store";
import { WorkspaceView } from "../workspace/WorkspaceView";

/** What every view of a part of a project is given: where it is, and what changes when its data moved. */
export type PartProps = {
  readonly path: { readonly entity: string; readonly project: string; readonly runId: string; readonly rest: readonly string[] };
  readonly version: ReadonlySignal<string>;
};

type Loader<P> = () => Promise<ComponentType<P>>;

/** The views that there are, by the name of their file, which is that of the component too. */
const files = import.meta.glob<Readonly<Record<string, ComponentType<never>>>>("../{run,compare,sweeps,artifacts,people,sql}/*Page.tsx");
const loaders = new Map<string, Loader<never>>(
  Object.entries(files).map(([file, load]) => {
    const name = file.replace(/^.*\/|\.tsx$/g, "");
    return [name, async () => (await load())[name] as ComponentType<never>];
  }),
);

const PAGE_OF_PART: Readonly<Record<string, string>> = {
  runs: "RunPage",
  compare: "ComparePage",
  sweeps: "SweepsPage",
  artifacts: "ArtifactsPage",
  sql: "SqlPage",
};

/** The views that are of no project. */
const PAGE_OF_STORE: Readonly<Record<string, string>> = { people: "PeoplePage", sql: "SqlPage" };

export function viewOf(parts: readonly string[]): JSX.Element {
  const [entity, project, part, ...rest] = parts;
  if (entity === undefined) {
    return <Store />;
  }
  if (project === undefined) {
    const load = loaders.get(PAGE_OF_STORE[entity] ?? "") as Loader<object> | undefined;
    return load === undefined ? <Nothing back={[]} /> : <Lazy load={load} props={{}} />;
  }
  if (part === undefined) {
    return (
      <InProject key={formatHash([entity, project])} entity={entity} project={project}>
        <WorkspaceView entity={entity} project={project} />
      </InProject>
    );
  }
  const load = loaders.get(PAGE_OF_PART[part] ?? "") as Loader<PartProps> | undefined;
  return load === undefined ? (
    <Nothing back={[entity, project]} />
  ) : (
    <InProject key={formatHash([entity, project])} entity={entity} project={project}>
      <Part key={part} entity={entity} project={project} rest={rest} load={load} />
    </InProject>
  );
}

type PartOfProject = {
  readonly entity: string;
  readonly project: string;
  readonly rest: readonly string[];
  readonly load: Loader<PartProps>;
};

function Part({ entity, project, rest, load }: PartOfProject): JSX.Element {
  const news = useNews();
  const version = useMemo(() => signal(""), [entity, project]);
  useEffect(() => {
    const move = (): void => {
      version.value = `${Date.now()}`;
    };
    const forget = reconnectCount.subscribe((count) => count > 0 && move());
    const stop = news.listen(move);
    return () => {
      stop();
      forget();
    };
  }, [news]);
  return <Lazy load={load} props={{ path: { entity, project, runId: rest[0] ?? "", rest }, version }} />;
}

function Nothing({ back }: { readonly back: readonly string[] }): JSX.Element {
  return (
    <Empty title="There is nothing at this address">
      <p>
        <a href={formatHash(back)}>{back.length === 0 ? "All projects" : `The runs of ${back[1]}`}</a>
      </p>
    </Empty>
  );
}
