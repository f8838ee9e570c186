import { expect } from 'chai';
import { formatTable } from '../../src/report/table.ts';

describe('report/table', () => {
  it('aligns columns, without spaces at the ends', () => {
    const text = formatTable(
      [{ title: 'name' }, { title: 'FLOPs', align: 'right' }, { title: 'path' }],
      [
        ['a', '1', 'skip'],
        ['longer', '330.0M', 'e3k3 e6k7'],
      ],
    );
    expect(text).to.equal(
      ['name     FLOPs  path', '------  ------  ---------', 'a            1  skip', 'longer  330.0M  e3k3 e6k7'].join(
        '\n',
      ),
    );
  });

  it('without rows is the titles', () => {
    expect(formatTable([{ title: 'a' }, { title: 'bc' }], [])).to.equal('a  bc\n-  --');
  });

  it('refuses a row of another length', () => {
    expect(() => formatTable([{ title: 'a' }], [['1', '2']])).to.throw(RangeError, '2 cells for 1 columns');
  });
});
