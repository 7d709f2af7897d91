import { describe, expect, it } from 'vitest';

import { ChrysError } from '../../../src/base/errors.js';
import { answerQuestion, WorkerQuestions, type AskMessage } from '../../../src/base/worker-questions.js';
import { StillClock } from '../fixtures/still-clock.js';

interface Questions {
  readonly double: { readonly question: number; readonly answer: number };
  readonly greet: { readonly question: { readonly name: string }; readonly answer: string };
}

const answerers = {
  double: (value: number) => value * 2,
  greet: ({ name }: { name: string }) => {
    if (name === '') throw new ChrysError('invalid_argument', 'There is no name.');
    return Promise.resolve(`hello ${name}`);
  },
};

function setup() {
  const clock = new StillClock();
  const sent: AskMessage<Questions>[] = [];
  const questions = new WorkerQuestions<Questions>({
    clock,
    timeoutMs: 1000,
    timeoutError: () => new ChrysError('unavailable', 'The worker does not answer.'),
    send: (message) => sent.push(message),
  });
  const answerAll = async (): Promise<void> => {
    for (const message of sent.splice(0).reverse()) {
      questions.onAnswer(await answerQuestion<Questions>(answerers, message));
    }
  };
  return { clock, sent, questions, answerAll };
}

describe('WorkerQuestions', () => {
  it('gives each caller its own answer, in any order of answers', async () => {
    const { clock, questions, answerAll } = setup();
    const asked = [questions.ask('double', 4), questions.ask('greet', { name: 'Ada' }), questions.ask('double', 5)];
    await answerAll();
    expect(await Promise.all(asked)).toEqual([8, 'hello Ada', 10]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('throws the error of the worker', async () => {
    const { questions, answerAll } = setup();
    const asked = questions.ask('greet', { name: '' });
    await answerAll();
    await expect(asked).rejects.toMatchObject({ kind: 'invalid_argument', message: 'There is no name.' });
  });

  it('rejects a question after its timeout, and ignores a later answer', async () => {
    const { clock, questions, answerAll } = setup();
    const asked = questions.ask('double', 4);
    const patient = questions.ask('double', 5, 500);
    clock.advance(1000);
    await expect(asked).rejects.toThrow('does not answer');
    await answerAll();
    expect(await patient).toBe(10);
  });

  it('rejects all open questions at once', async () => {
    const { clock, questions } = setup();
    const asked = Promise.allSettled([questions.ask('double', 1), questions.ask('double', 2)]);
    questions.giveUp(new ChrysError('unavailable', 'The worker crashed.'));
    expect((await asked).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(clock.pendingTimers).toBe(0);
  });
});
