// The layers, from the top: an import goes to the same layer or further down, never up.
//   bin → src/cli → src/app → {src/grpc, src/rest}
//       → {src/history, src/recording, src/annotations, src/passthrough, src/cloud-storage, src/redis-publisher, src/events}
//       → {src/cameras, src/outbox} → src/database
//       → {src/rings, src/media, src/native, src/redis, src/cloud, src/tls} → {src/config, src/base, src/gen}
const layers = [
  ['bin'],
  ['src/cli'],
  ['src/app'],
  ['src/grpc', 'src/rest'],
  [
    'src/history',
    'src/recording',
    'src/annotations',
    'src/passthrough',
    'src/cloud-storage',
    'src/redis-publisher',
    'src/events',
  ],
  ['src/cameras', 'src/outbox'],
  ['src/database'],
  ['src/rings', 'src/media', 'src/native', 'src/redis', 'src/cloud', 'src/tls'],
  ['src/config', 'src/base', 'src/gen'],
];

const pathOf = (folders) => `^(${folders.join('|')})/`;

/** One rule for each layer: nothing in it imports from a layer above. */
const downwardOnly = layers.slice(1).map((folders, index) => ({
  name: `downward-only-from-${folders.map((folder) => folder.replace('src/', '')).join('-')}`,
  comment: 'Imports go downward only. Move what is shared to the lower layer, or pass it in.',
  severity: 'error',
  from: { path: pathOf(folders) },
  to: { path: pathOf(layers.slice(0, index + 1).flat()) },
}));

/** Routes do not know each other. */
const siblings = layers
  .filter((folders) => folders.includes('src/grpc'))
  .flatMap((folders) =>
    folders.map((folder) => ({
      name: `${folder.replace('src/', '')}-knows-no-sibling`,
      comment: 'The gRPC and REST servers are two views of src/cameras and do not use each other.',
      severity: 'error',
      from: { path: pathOf([folder]) },
      to: { path: pathOf(folders.filter((other) => other !== folder)) },
    })),
  );

/** A library that one folder wraps, so that the rest of the code sees our types; a second one may be its client. */
const wrapped = [
  ['beamcoder', 'src/media'],
  ['better-sqlite3', 'src/database'],
  ['@grpc/', 'src/grpc', 'src/cli'],
  ['grpc-health-check', 'src/grpc'],
  ['express', 'src/rest'],
  ['helmet', 'src/rest'],
  ['commander', 'src/cli'],
  ['croner', 'src/recording'],
  ['redis', 'src/redis'],
].map(([library, folder, client]) => ({
  name: `only-${folder.replace('src/', '')}-uses-${library.replaceAll(/[@/]/g, '')}`,
  comment: `${folder} wraps ${library}.`,
  severity: 'error',
  from: { path: '^src/', pathNot: [pathOf([folder, ...(client === undefined ? [] : [client])]), '^src/gen/'] },
  to: { path: `node_modules/(@types/)?${library}` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...downwardOnly,
    ...siblings,
    ...wrapped,
    {
      name: 'acyclic',
      comment: 'A cycle means that two files have one subject, or that one file knows too much.',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'only-native-loads-the-addon',
      comment: 'src/native/addon.ts checks the ring layout before it hands the addon out.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/native/' },
      to: { path: '^native/' },
    },
    {
      name: 'the-page-runs-in-a-browser',
      comment: 'web reaches the proxy over REST only, and only src/rest serves its files.',
      severity: 'error',
      from: { path: '^web/' },
      to: { pathNot: '^web/' },
    },
    {
      name: 'nothing-imports-the-page',
      severity: 'error',
      from: { path: '^src/', pathNot: '^web/' },
      to: { path: '^web/' },
    },
    {
      name: 'nothing-imports-tests',
      severity: 'error',
      from: { path: '^(src|bin)/' },
      to: { path: '^test/' },
    },
    {
      name: 'production-dependencies-only',
      comment: 'Packages that src needs at run time belong to "dependencies".',
      severity: 'error',
      from: { path: '^(src|bin)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // Type-only imports count: layers are about what a file has to know.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: ['node_modules', '^dist/'] },
    exclude: { path: '^dist/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types', 'default'] },
  },
};
