import { beforeEach, describe, expect, it } from 'vitest';

import { FollowedCameras } from '../../../src/cameras/follow-cameras.js';
import type { EventListener } from '../../../src/cameras/supervisor.js';
import type { Camera } from '../../../src/cameras/types.js';

const camera = (name: string): Camera => ({ definition: { name } }) as unknown as Camera;

describe('FollowedCameras', () => {
  let emit: EventListener;
  let seen: string[];
  let followed: FollowedCameras<string>;
  const [first, yard] = [camera('first'), camera('yard')];

  beforeEach(() => {
    seen = [];
    let count = 0;
    const cameras = {
      list: () => [first],
      onEvent: (listener: EventListener) => {
        emit = listener;
        return () => {
          emit = () => undefined;
        };
      },
    };
    followed = new FollowedCameras(cameras, {
      begin: ({ definition }) => `${definition.name} ${++count}`,
      update: (state, event) => void seen.push(`${state} ${event}`),
      end: (state) => void seen.push(`${state} ended`),
    });
    followed.start();
  });

  it('keeps a state for each camera from the beginning until it is removed', () => {
    emit('added', yard);
    emit('stream', first);
    emit('removed', first);
    expect(seen).toEqual(['first 1 added', 'yard 2 added', 'first 1 stream', 'first 1 ended']);
    expect([followed.get('first'), followed.get('yard'), followed.states()]).toEqual([undefined, 'yard 2', ['yard 2']]);
  });

  it('ignores a camera that was removed', () => {
    emit('removed', first);
    emit('stream', first);
    expect(followed.states()).toEqual([]);
  });

  it('gives a camera that is added again under the same name a new state', () => {
    emit('added', camera('first'));
    emit('removed', first);
    expect([followed.get('first'), followed.states()]).toEqual(['first 2', ['first 2']]);
  });

  it('stops listening when it is closed', () => {
    followed.close();
    emit('added', yard);
    expect(seen).toEqual(['first 1 added']);
  });
});
