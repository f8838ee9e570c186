import { expect } from 'chai';
import sharp from 'sharp';
import { drawNetwork } from '../../src/report/network-drawing.ts';
import { describeNetwork } from '../../src/report/path-table.ts';
import { recogniseNetwork } from '../../src/space/recognise.ts';

function draw(text: string, called?: string): string {
  const { space, path, name } = recogniseNetwork(text);
  return drawNetwork(describeNetwork(space, path, called ?? name));
}

describe('report/network-drawing', () => {
  it('draws a block for each row, with its kernel and expansion, and the size of what flows between', () => {
    const svg = draw('GreedyNAS-B');
    const count = (pattern: RegExp) => svg.match(pattern)?.length ?? 0;
    expect(count(/>MB\d \d×\d( SE)?</g)).to.equal(20);
    expect(count(/ SE</g)).to.equal(15);
    expect(count(/>Identity</g)).to.equal(2);
    expect(svg).to.include('>3×224×224<').and.to.include('>192×7×7<').and.to.include('>1280×7×7<');
    expect(svg).to.include('>GreedyNAS-B<').and.to.include('323.5M multiply-adds, 5.21M parameters');
  });

  it('tells a skip from the convolution that stands for one where the shape changes', () => {
    const svg = draw('00000000');
    expect(svg.match(/>Identity</g)).to.have.length(5);
    expect(svg.match(/>Conv 1×1</g)).to.have.length(4);
    expect(svg).to.not.include('squeeze-and-excite');
  });

  it('is a picture that renders, with room for its legend', async () => {
    const { width, height } = await sharp(Buffer.from(draw('22222222'))).metadata();
    expect(width).to.be.above(640);
    expect(height).to.equal(332);
    const { channels } = await sharp(Buffer.from(draw('22222222'))).stats();
    expect(channels[0]!.stdev).to.be.above(10);
  });

  it('escapes names', () => {
    expect(draw('GreedyNAS-B', '<b>&')).to.include('&lt;b&gt;&amp;');
  });
});
