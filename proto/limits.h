/*
 * limits.h: every bound that a stranger or a peer can run into.
 *
 * Whatever can be counted has its limit here, so that a reviewer sees in one
 * place how much a hostile byte can cost.  PROTOCOL.md repeats the ones that
 * another implementation must honour.
 */

/*
 * With proto/ on the include path this file also answers <limits.h>, which
 * msgpack-c and others ask for: hand on to the real one.  Outside the guard,
 * since a search begun in this very folder meets this file twice.
 */
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winclude-next-absolute-path"
#pragma clang diagnostic ignored "-Winclude-next-outside-header"
#endif
#include_next <limits.h>
#if defined(__clang__)
#pragma clang diagnostic pop
#endif

#ifndef PHOTOMESH_LIMITS_H
#define PHOTOMESH_LIMITS_H

#include <stdint.h>

#define PROTOCOL_VERSION_MIN 1u
#define PROTOCOL_VERSION_MAX 1u

/* Frames: bytes of one body, checked on the length before buffering. */
#define FRAME_HEADER_BYTES      4u
#define HELLO_BODY_BYTES_MAX    1024u             /* until HELLO is accepted */
#define LINK_BODY_BYTES_MAX     (128u * 1024u)    /* between nodes */
#define CLIENT_BODY_BYTES_MAX   (64u * 1024u)     /* from a client */
#define ANSWER_BODY_BYTES_MAX   (1024u * 1024u)   /* to a client, paged */

/* Links, in bytes of TLS: fewer may lie in a socket until their reader has
 * something to say itself; a record that may not has at least so many. */
#define LINK_REST_BYTES 320u
#define LINK_LOUD_BYTES 336u

/* Channels: bytes of one body, to the holder and to the asker. */
#define CHANNEL_ASK_BYTES_MAX   1024u
#define CHUNK_BYTES_MAX         (256u * 1024u)
#define CHANNEL_BODY_BYTES_MAX  (CHUNK_BYTES_MAX + 64u)

/* The msgpack walk. */
#define WALK_DEPTH_MAX  8u
#define WALK_ITEMS_MAX  65536u
#define WALK_STR_MAX    4096u

/* The mesh. */
#define MESH_PORT_BASE       5000u
#define MESH_PORTS           64u  /* base .. base + 63 */
#define MESH_KNOWN_MAX       256u /* nodes ever heard of and not forgotten */
#define MESH_LIVE_MAX        64u  /* nodes live at once, oneself included */
#define MESH_STREAMS_MAX     (2u * MESH_KNOWN_MAX) /* two generations each */
#define NODE_ADDRESSES_MAX   4u
#define ADDRESS_HOST_MAX     63u /* bytes, without the NUL */
#define NODE_NAME_BYTES_MAX  63u /* bytes, without the NUL */
#define REASON_BYTES_MAX     127u

/* Generations and sequence numbers stay below 2^53 (exact in any language). */
#define GENERATION_MAX ((UINT64_C(1) << 53) - 1)
#define SEQ_MAX        ((UINT64_C(1) << 53) - 1)
#define GENERATION_AHEAD_MS_MAX UINT64_C(31622400000) /* 366 days */

/* Records. */
#define RECORD_BYTES_MAX  8192u /* key and value together */
#define RECORD_KEY_MAX    4200u /* root id + a relative path */
#define PATH_BYTES_MAX    4096u
#define LABEL_BYTES_MAX   255u
#define MEDIA_TYPE_MAX    63u
#define MESSAGE_BYTES_MAX 255u

/* Pulling. */
#define PULL_CREDIT_MIN      16384u             /* room for the largest record */
#define PULL_CREDIT_DEFAULT  (96u * 1024u)      /* bytes of records in one BATCH */
#define PULL_CREDIT_MAX      (120u * 1024u)
/* Pages per stream heard and not yet stored.  Not more than one: were the first
 * of two not stored and the second were, the replica would have a hole. */
#define PULL_UNSTORED_MAX    1u
#define PULL_STREAMS_MAX     8u /* streams pulled at the same time */

/* Transfer. */
#define FETCH_BYTES_MAX      (1024u * 1024u)     /* one FETCH asks for */
#define CREDIT_BYTES_MAX     (4u * 1024u * 1024u) /* asked, not yet answered */
#define CHANNELS_SERVED_MAX  64u /* at once, of all askers */
#define CHANNELS_OF_ONE_MAX  8u  /* of one node */
#define CHANNEL_IDLE_MS      60000u /* nothing asked, or nothing taken */
#define HATCH_AT_BYTES       16u
#define HATCH_TICKET_BYTES   16u
#define PROOF_NONCE_BYTES    32u
#define PROOF_BYTES          32u /* SHA-256 */
#define CONSENT_WAITING_MAX  1024u /* requests that wait for their owner */
#define CONSENT_OF_ONE_MAX   256u  /* of one node */
#define CONSENT_RULES_MAX    256u
#define CONSENT_DAYS         7u /* a request waits, an answer is kept */

/* Thumbnails. */
#define THUMB_SIDE           256u   /* pixels of the longer side, at most */
#define THUMB_BYTES_MAX      65536u
#define THUMBS_ASK_MAX       32u    /* photos in one THUMBS */
#define THUMB_PIXELS_MAX     (THUMB_SIDE * THUMB_SIDE * 3u)

/* Clients. */
#define GET_RANGE_BYTES_MAX  CREDIT_BYTES_MAX
#define CLIENT_FDS_MAX       16u   /* descriptors that no GET has taken yet */
#define HAVE_FILES_MAX       256u
#define HAVE_HEAD_BYTES_MAX  4096u /* of a file, to tell what it is */
#define QUERY_BYTES_MAX   1024u
#define QUERY_TERMS_MAX   32u
#define QUERY_DAYS_MAX    (2u * QUERY_TERMS_MAX) /* days that they bound */
#define QUERY_ZONE_S_MAX  86400u /* a clock is ahead of UTC by less */
#define LIST_PAGE_MAX     1000u /* photos in one PHOTOS answer */
#define COPIES_SHOWN_MAX  1024u /* copies named for one photo */
#define CANDIDATES_MAX    32u   /* photos named for an ambiguous id */

#endif
