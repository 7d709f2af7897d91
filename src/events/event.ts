export const EVENT_TYPES = ['camera', 'recording', 'annotations', 'passthrough', 'redis', 'webhooks'] as const;
/** The subject of an event. */
export type EventType = (typeof EVENT_TYPES)[number];

/** A change that an operator may want to know at once. */
export interface ProxyEvent {
  /** UUID of version 7; sorts after the ids of earlier events. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  readonly type: EventType;
  /** '' = the event is about the whole proxy. */
  readonly camera: string;
  readonly state: string;
  /** A word for programs; '' = none. */
  readonly reason: string;
  /** A sentence for people, masked; '' = the state says everything. */
  readonly message: string;
}

/** The current state of something. A change of its state or reason is an event. */
export interface Condition extends Omit<ProxyEvent, 'id' | 'atMs'> {
  /** Whether this is the normal state. A normal state at the start of the proxy is not an event. */
  readonly isUsual: boolean;
}
