/** A line chart as SVG, for the documents. */
const WIDTH = 640;
const HEIGHT = 360;
const LEFT = 60;
const RIGHT = 110;
const TOP = 40;
const BOTTOM = 45;
const COLORS = ['#4477aa', '#ee6677', '#228833', '#aa3377'];
const TICKS = 5;

/** `series`: points (x, y) by name, all from 0. */
export function lineChart(
  title: string,
  xLabel: string,
  yLabel: string,
  series: Readonly<Record<string, readonly (readonly [number, number])[]>>,
): string {
  const points = Object.values(series).flat();
  const mostX = Math.max(...points.map(([x]) => x));
  const mostY = roundUp(Math.max(...points.map(([, y]) => y)));
  const px = (x: number): string => (LEFT + (x / mostX) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const py = (y: number): string => (HEIGHT - BOTTOM - (y / mostY) * (HEIGHT - TOP - BOTTOM)).toFixed(1);
  const grid = Array.from({ length: TICKS + 1 }, (_, i) => (mostY / TICKS) * i).map(
    (y) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py(y)}" y2="${py(y)}" stroke="#ddd"/>` +
      `<text x="${LEFT - 6}" y="${py(y)}" text-anchor="end" dominant-baseline="middle">${Number(y.toPrecision(3))}</text>`,
  );
  const xs = [...new Set(points.map(([x]) => x))].filter((x) => x === mostX || x >= mostX / 8);
  const marks = xs.map((x) => `<text x="${px(x)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${x}</text>`);
  const lines = Object.entries(series).map(([name, line], index) => {
    const color = COLORS[index % COLORS.length] ?? '#000';
    const path = line.map(([x, y]) => `${px(x)},${py(y)}`).join(' ');
    const [endX, endY] = line.at(-1) ?? [0, 0];
    return (
      `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>` +
      line.map(([x, y]) => `<circle cx="${px(x)}" cy="${py(y)}" r="3" fill="${color}"/>`).join('') +
      `<text x="${Number(px(endX)) + 8}" y="${py(endY)}" fill="${color}" dominant-baseline="middle">${name}</text>`
    );
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
<text x="${WIDTH / 2}" y="22" text-anchor="middle" font-size="15">${title}</text>
${grid.join('\n')}
${marks.join('\n')}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${xLabel}</text>
<text x="14" y="${TOP - 12}">${yLabel}</text>
${lines.join('\n')}
</svg>
`;
}

function roundUp(value: number): number {
  const scale = 10 ** Math.floor(Math.log10(value));
  return Math.ceil(value / scale) * scale;
}
