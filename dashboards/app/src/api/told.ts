// An answer that tells how far it is, as a component sees it: progress and parts belong to the question that is asked, and end with it.

import { useState } from "react";
import { useAnswer, type Answer } from "./answer";
import type { Tell, TellPart } from "./events";
import type { Part, Progress } from "./stream";

export interface Told<T, P = unknown> extends Answer<T> {
  progress?: Progress;
  /** What a part of the people say, until the whole answer is there. */
  part?: Part<P>;
  /** `value` is the answer to the question before. */
  isOfBefore: boolean;
}

/** What was heard since `key` was asked last. */
interface Heard<P> {
  key?: string;
  progress?: Progress;
  part?: Part<P>;
}
interface Whole<T> {
  key?: string;
  value: T;
}

/** What is to be shown of `key`. Its own whole answer is more than a part: it stays while it is asked again. */
export function told<T, P>(key: string | undefined, answer: Answer<Whole<T>>, heard: Heard<P>): Told<T, P> {
  const { value: whole, ...rest } = answer;
  const isHeard = answer.isAsking && heard.key === key;
  return {
    ...rest,
    value: whole?.value,
    isOfBefore: whole !== undefined && whole.key !== key,
    progress: isHeard ? heard.progress : undefined,
    part: isHeard && whole?.key !== key ? heard.part : undefined,
  };
}

/** As `useAnswer`, of what is asked as events. */
export function useTold<T, P = unknown>(key: string | undefined, ask: (signal: AbortSignal, tell: Tell, tellPart: TellPart<P>) => Promise<T>): Told<T, P> {
  const [heard, setHeard] = useState<Heard<P>>({});
  const answer = useAnswer(key, async (signal) => {
    setHeard({ key });
    const hear = (news: Heard<P>) => void (signal.aborted || setHeard((before) => ({ ...before, ...news })));
    return { key, value: await ask(signal, (progress) => hear({ progress }), (part) => hear({ part })) };
  });
  return told(key, answer, heard);
}
