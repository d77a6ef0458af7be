import { WatchedResources } from './watched-resources.js';

describe('resources watched over a connection that several share', () => {
  it('are watched until the last of their watchers leaves', () => {
    const watched = new WatchedResources();
    watched.add('a', 'one');
    watched.add('a', 'two');
    watched.add('a', 'two');
    expect(watched.delete('a', 'one')).toBe(false);
    expect(watched.uris()).toEqual(['a']);
    expect(watched.delete('a', 'two')).toBe(true);
    expect(watched.uris()).toEqual([]);
    expect(watched.delete('a', 'two')).toBe(true);
  });

  it('an owner that goes leaves what nobody else watches', () => {
    const watched = new WatchedResources();
    for (const uri of ['a', 'b', 'c']) watched.add(uri, 'one');
    watched.add('b', 'two');
    expect(watched.release('one')).toEqual(['a', 'c']);
    expect(watched.release('one')).toEqual([]);
    expect(watched.uris()).toEqual(['b']);
  });
});
