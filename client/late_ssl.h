/*
 * late_ssl.h: OpenSSL's functions, without the library until somebody wants it.
 *
 * Loading it takes longer than all of `photo list`; only --connect and `photo
 * check` need it.
 * With this header included, those listed are called as ever, once
 * late_ssl_load has said yes.  Only its headers are needed for the build.
 */
#ifndef PHOTO_LATE_SSL_H
#define PHOTO_LATE_SSL_H

#include <stdbool.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#define LATE_SSL_FUNCTIONS(F)                                                  \
	F(ERR_clear_error) F(EVP_DigestFinal_ex) F(EVP_DigestInit_ex)          \
	F(EVP_DigestUpdate) F(EVP_MD_CTX_free) F(EVP_MD_CTX_new)               \
	F(EVP_sha256) F(SSL_CIPHER_find)                                       \
	F(SSL_CIPHER_get_handshake_digest) F(SSL_CTX_ctrl) F(SSL_CTX_free)     \
	F(SSL_CTX_get_ex_data) F(SSL_CTX_new) F(SSL_CTX_set_ciphersuites)      \
	F(SSL_CTX_set_ex_data) F(SSL_CTX_set_options)                          \
	F(SSL_CTX_set_psk_use_session_callback) F(SSL_CTX_set_verify)          \
	F(SSL_SESSION_free) F(SSL_SESSION_new) F(SSL_SESSION_set1_master_key)  \
	F(SSL_SESSION_set_cipher) F(SSL_SESSION_set_protocol_version)          \
	F(SSL_connect) F(SSL_free) F(SSL_get_SSL_CTX) F(SSL_get_error)         \
	F(SSL_pending) F(SSL_new) F(SSL_read_ex) F(SSL_session_reused)         \
	F(SSL_set_fd) F(SSL_version) F(SSL_write_ex) F(TLS_client_method)

#define LATE_SSL_FIELD(name) __typeof__(name) *name##_;
struct late_ssl {
	LATE_SSL_FUNCTIONS(LATE_SSL_FIELD)
};
#undef LATE_SSL_FIELD
extern struct late_ssl late_ssl;

/* Any number of times.  False: it is not installed, or another one. */
bool late_ssl_load(void);

#ifndef LATE_SSL_NAMES_ONLY
#define ERR_clear_error (*late_ssl.ERR_clear_error_)
#define EVP_DigestFinal_ex (*late_ssl.EVP_DigestFinal_ex_)
#define EVP_DigestInit_ex (*late_ssl.EVP_DigestInit_ex_)
#define EVP_DigestUpdate (*late_ssl.EVP_DigestUpdate_)
#define EVP_MD_CTX_free (*late_ssl.EVP_MD_CTX_free_)
#define EVP_MD_CTX_new (*late_ssl.EVP_MD_CTX_new_)
#define EVP_sha256 (*late_ssl.EVP_sha256_)
#define SSL_CIPHER_find (*late_ssl.SSL_CIPHER_find_)
#define SSL_CIPHER_get_handshake_digest (*late_ssl.SSL_CIPHER_get_handshake_digest_)
#define SSL_CTX_ctrl (*late_ssl.SSL_CTX_ctrl_)
#define SSL_CTX_free (*late_ssl.SSL_CTX_free_)
#define SSL_CTX_get_ex_data (*late_ssl.SSL_CTX_get_ex_data_)
#define SSL_CTX_new (*late_ssl.SSL_CTX_new_)
#define SSL_CTX_set_ciphersuites (*late_ssl.SSL_CTX_set_ciphersuites_)
#define SSL_CTX_set_ex_data (*late_ssl.SSL_CTX_set_ex_data_)
#define SSL_CTX_set_options (*late_ssl.SSL_CTX_set_options_)
#define SSL_CTX_set_psk_use_session_callback (*late_ssl.SSL_CTX_set_psk_use_session_callback_)
#define SSL_CTX_set_verify (*late_ssl.SSL_CTX_set_verify_)
#define SSL_SESSION_free (*late_ssl.SSL_SESSION_free_)
#define SSL_SESSION_new (*late_ssl.SSL_SESSION_new_)
#define SSL_SESSION_set1_master_key (*late_ssl.SSL_SESSION_set1_master_key_)
#define SSL_SESSION_set_cipher (*late_ssl.SSL_SESSION_set_cipher_)
#define SSL_SESSION_set_protocol_version (*late_ssl.SSL_SESSION_set_protocol_version_)
#define SSL_connect (*late_ssl.SSL_connect_)
#define SSL_free (*late_ssl.SSL_free_)
#define SSL_get_SSL_CTX (*late_ssl.SSL_get_SSL_CTX_)
#define SSL_get_error (*late_ssl.SSL_get_error_)
#define SSL_pending (*late_ssl.SSL_pending_)
#define SSL_new (*late_ssl.SSL_new_)
#define SSL_read_ex (*late_ssl.SSL_read_ex_)
#define SSL_session_reused (*late_ssl.SSL_session_reused_)
#define SSL_set_fd (*late_ssl.SSL_set_fd_)
#define SSL_version (*late_ssl.SSL_version_)
#define SSL_write_ex (*late_ssl.SSL_write_ex_)
#define TLS_client_method (*late_ssl.TLS_client_method_)
#endif

#endif
