/** Writes bits, most significant first, and Exp-Golomb codes. */
export class BitWriter {
  #bits = '';

  put(value: number, bits: number): this {
    this.#bits += value.toString(2).padStart(bits, '0');
    return this;
  }

  /** ue(v) of H.264, 9.1. */
  golomb(value: number): this {
    const code = (value + 1).toString(2);
    this.#bits += '0'.repeat(code.length - 1) + code;
    return this;
  }

  /** The bits, padded with zeros to whole bytes. */
  bytes(): Buffer {
    const octets = this.#bits.match(/.{1,8}/g) ?? [];
    return Buffer.from(octets.map((octet) => parseInt(octet.padEnd(8, '0'), 2)));
  }

  /** The payload of a NAL unit: with stop bit and emulation prevention. */
  rbsp(): Buffer {
    this.put(1, 1);
    const escaped: number[] = [];
    let zeros = 0;
    for (const byte of this.bytes()) {
      if (zeros >= 2 && byte <= 3) {
        escaped.push(3);
        zeros = 0;
      }
      escaped.push(byte);
      zeros = byte === 0 ? zeros + 1 : 0;
    }
    return Buffer.from(escaped);
  }
}

/** An H.264 SPS (7.3.2.1.1), baseline profile. Width and height are multiples of 16. */
export function hugeSps(width: number, height: number): Buffer {
  const rbsp = new BitWriter()
    .put(66, 8) // profile_idc
    .put(0, 8)
    .put(62, 8) // level_idc
    .golomb(0) // seq_parameter_set_id
    .golomb(0) // log2_max_frame_num_minus4
    .golomb(2) // pic_order_cnt_type
    .golomb(1) // max_num_ref_frames
    .put(0, 1)
    .golomb(width / 16 - 1)
    .golomb(height / 16 - 1)
    .put(1, 1) // frame_mbs_only_flag
    .put(1, 1) // direct_8x8_inference_flag
    .put(0, 1) // frame_cropping_flag
    .put(0, 1) // vui_parameters_present_flag
    .rbsp();
  return Buffer.concat([Buffer.from([0x67]), rbsp]);
}
