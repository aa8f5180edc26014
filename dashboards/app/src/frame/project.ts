// The project that a page is about.

import { createContext, useContext } from "react";
import type { Project } from "../api/session";

export const ProjectContext = createContext<Project | undefined>(undefined);

export function useProject(): Project {
  const project = useContext(ProjectContext);
  if (!project) throw new Error("a page outside a project");
  return project;
}

/** The address of a page of a project. */
export const placeOf = (project: string, place: string, query?: Record<string, string>) =>
  `/app/${encodeURIComponent(project)}/${place}${query ? `?${new URLSearchParams(query)}` : ""}`;
