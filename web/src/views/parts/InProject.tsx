/** What is shown of a project, with its news: one stream for as long as one of its views is looked at. */

import { createContext, type ComponentChildren, type JSX } from "preact";
import { useContext, useEffect, useMemo } from "preact/hooks";
import { ProjectNews } from "../../state/live";

const Context = createContext<ProjectNews | null>(null);

type InProjectProps = { readonly entity: string; readonly project: string; readonly children: ComponentChildren };

export function InProject({ entity, project, children }: InProjectProps): JSX.Element {
  const news = useMemo(() => new ProjectNews(entity, project), [entity, project]);
  useEffect(() => {
    news.begin();
    return () => news.end();
  }, [news]);
  return <Context.Provider value={news}>{children}</Context.Provider>;
}

export function useNews(): ProjectNews {
  const found = useContext(Context);
  if (found === null) {
    throw new Error("this view stands outside of a project");
  }
  return found;
}
